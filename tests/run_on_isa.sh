#!/bin/sh
# run_on_isa.sh ISA COMMAND...: runs the command with kernels of one instruction set; exits 77 (skipped)
# where this processor lacks it.
isa=$1
shift
flags=$(grep -m1 '^flags' /proc/cpuinfo)
case $isa in
  baseline) need="" ;;
  avx2) need="avx2 fma" ;;
  avx512) need="avx512f avx512bw avx512dq avx512vl" ;;
  *) echo "run_on_isa.sh: unknown instruction set $isa" >&2; exit 2 ;;
esac
for flag in $need; do
  case " $flags " in
    *" $flag "*) ;;
    *) echo "skipped: this processor has no $flag"; exit 77 ;;
  esac
done
PERDITA_ISA=$isa exec "$@"
