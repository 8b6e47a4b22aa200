// CAUSEWAY_BENCHMARK(f): a benchmark whose number of iterations can be fixed from outside, so that
// bench/check-budgets.py can take the difference of two callgrind runs: setup cancels out.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdlib>

namespace causeway::bench {

inline void fixed_iterations(benchmark::internal::Benchmark* b) {
  if (const char* n = std::getenv("CAUSEWAY_BENCH_ITERATIONS")) b->Iterations(std::atoll(n));
}

}  // namespace causeway::bench

#define CAUSEWAY_BENCHMARK(f) BENCHMARK(f)->Apply(::causeway::bench::fixed_iterations)
