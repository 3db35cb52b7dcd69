// The planted bug of the instruction-set check: AVX2 outside the marked kernels. The check has to find it.
[[gnu::target("avx2,fma"), gnu::noinline]] inline float stray(const float* x) {
  float sum = 0;
  for (int i = 0; i < 64; ++i) sum = sum * 0.5f + x[i];
  return sum;
}
float use_stray(const float* x) { return stray(x); }
