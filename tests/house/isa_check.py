"""Where rich instructions may live, and what kernels must look like, read from machine code.

usage: isa_check.py [--kernels LIST] FILE...     (object files, static libraries, programs)

In every file: AVX and AVX-512 instructions occur in kernel_avx2<...> and kernel_avx512<...> only (and in the parts
that g++ splits off them), and no zmm register in kernel_avx2. LIST has a line for each kernel that ships,
`REGEX [calls=REGEX]`: kernels whose demangled name matches exist for both instruction sets, compute on
whole registers, and call nothing but what calls= allows.
"""

import argparse
import re
import subprocess
import sys
from dataclasses import dataclass, field

FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
# A target of a call in an object file is known from its relocation: the line after the call.
RELOCATION = re.compile(
    r"^\s+[0-9a-f]+: R_X86_64_(?:PLT32|PC32|GOTPCRELX?|REX_GOTPCRELX)\s+(\S+?)(?:[+-]0x[0-9a-f]+)?$"
)
KERNEL = re.compile(r"^_ZN7perdita1[13]kernel_(avx2|avx512)I")
RICH = re.compile(r"^(?:v(?!err|erw|mcall|mlaunch|mrun)[a-z0-9]+|kmov[bwdq]|kortest[bwdq])$")
PACKED = re.compile(r"^v(?:mul|add|sub|fn?m(?:add|sub)\w*|div|min|max|and|or|xor)(?:p[sd]|\d+p[sd])$")
WIDTH = {"avx2": "%ymm", "avx512": "%zmm"}


@dataclass
class Function:
    name: str
    isa: str | None
    rich: list = field(default_factory=list)
    zmm: bool = False
    packed: set = field(default_factory=set)
    calls: list = field(default_factory=list)


def functions_of(path):
    """The functions in a file, as objdump disassembles it, one after another."""
    command = ["objdump", "-d", "-r", "--no-show-raw-insn", path]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    function, calling = None, False
    for line in process.stdout:
        if match := FUNCTION.match(line):
            if function:
                yield function
            kernel = KERNEL.match(match[1])
            function, calling = Function(match[1], kernel and kernel[1]), False
            continue
        if calling and (match := RELOCATION.match(line)):
            function.calls[-1] = match[1]
        parts = line.split("\t")
        if function is None or len(parts) < 2:
            continue
        calling = False
        mnemonic, _, operands = parts[-1].strip().partition(" ")
        if mnemonic == "call" or mnemonic == "jmp" and "<" in operands and f"<{function.name}" not in operands:
            function.calls.append(operands.strip())
            calling = True
        elif RICH.match(mnemonic):
            function.rich.append(parts[-1].strip())
            function.zmm = function.zmm or "%zmm" in operands
            if function.isa and PACKED.match(mnemonic) and WIDTH[function.isa] in operands:
                function.packed.add(mnemonic)
    if function:
        yield function
    if process.wait() != 0:
        sys.exit(f"objdump fails on {path}")


def demangled(names):
    answer = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True)
    return dict(zip(names, answer.stdout.splitlines(), strict=True))


def strays(functions):
    for function in functions:
        if function.rich and not function.isa:
            yield f"{function.name}: is no kernel, but contains {function.rich[0]}"
        if function.isa == "avx2" and function.zmm:
            yield f"{function.name}: an AVX2 kernel with AVX-512 registers"


def shapeless(functions, kernel_list):
    kernels = [function for function in functions if function.isa]
    readable = demangled([kernel.name for kernel in kernels])
    for line in open(kernel_list):
        words = line.split("#")[0].split()
        if not words:
            continue
        options = dict(word.split("=", 1) for word in words[1:])
        found = [kernel for kernel in kernels if re.search(words[0], readable[kernel.name])]
        for isa in sorted(WIDTH.keys() - {kernel.isa for kernel in found}):
            yield f"{words[0]}: no such kernel for {isa}"
        for kernel in found:
            calls = [call for call in kernel.calls if not re.fullmatch(options.get("calls", r"(?!)"), call)]
            if calls:
                yield f"{readable[kernel.name]}: calls {', '.join(sorted(set(calls)))}"
            split_off = re.search(r"\.(cold|part|isra|constprop|_omp_fn)", kernel.name)
            if not kernel.packed and not split_off:
                yield f"{readable[kernel.name]}: computes nothing on whole {WIDTH[kernel.isa][1:]} registers"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernels")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    functions = [function for path in arguments.files for function in functions_of(path)]
    complaints = list(strays(functions))
    if arguments.kernels:
        complaints += shapeless(functions, arguments.kernels)
    print(
        "\n".join(complaints) or f"{len(functions)} functions, {sum(bool(f.isa) for f in functions)} kernels: all well"
    )
    return 1 if complaints or not functions else 0


if __name__ == "__main__":
    sys.exit(main())
