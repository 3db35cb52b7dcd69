// Part of modules that run with glibc 2.27 (portable.cmake): the symbols of newer releases of glibc to which the static
// C++ library of g++ 12 refers. They are visible in the module alone.
#include <sys/stat.h>

#pragma GCC visibility push(hidden)
extern "C" {

/// glibc 2.32: whether the process has one thread, so that reference counts need not be atomic. Never, here.
char __libc_single_threaded = 0;

// glibc 2.33; before, these were inline functions that called the following with the version of the struct.
int __xstat(int version, const char* path, struct stat* result) noexcept __attribute__((visibility("default")));
int __lxstat(int version, const char* path, struct stat* result) noexcept __attribute__((visibility("default")));
int __fxstat(int version, int file, struct stat* result) noexcept __attribute__((visibility("default")));

#if defined(__x86_64__)
constexpr int stat_version = 1;
#else
constexpr int stat_version = 0;
#endif

int stat(const char* path, struct stat* result) noexcept { return __xstat(stat_version, path, result); }
int lstat(const char* path, struct stat* result) noexcept { return __lxstat(stat_version, path, result); }
int fstat(int file, struct stat* result) noexcept { return __fxstat(stat_version, file, result); }

}  // extern "C"
#pragma GCC visibility pop
