# A module that runs on systems with an older C library than the one it is built on, and without a C++ library or OpenMP.
# PERDITA_PORTABLE is a folder with
#   glibc/        libraries that only list the symbols of the older C library, which the module is linked with
#   libgomp.so.1  OpenMP, which becomes part of the package
target_sources(_core PRIVATE src/older_glibc.cpp)
target_link_directories(_core BEFORE PRIVATE ${PERDITA_PORTABLE}/glibc)
target_link_options(_core PRIVATE -static-libstdc++)
# PyTorch has a libgomp.so.1, too. Whichever is loaded first serves both, because libraries are known by their name: one pool of
# threads, whose number torch.set_num_threads() sets.
install(FILES ${PERDITA_PORTABLE}/libgomp.so.1 portable_licenses.txt DESTINATION perdita/lib)
