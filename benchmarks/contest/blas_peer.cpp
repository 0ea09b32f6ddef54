// OpenBLAS and oneDNN as contestants of the matrix products. Usage: blas_peer openblas|onednn <threads>.
// Reads lines {"name":"gemm m k n NN","milliseconds":100} and answers with nanoseconds per product.
#include <dlfcn.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

using CblasSgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
using DnnlSgemm = int (*)(char, char, int64_t, int64_t, int64_t, float, const float*, int64_t, const float*, int64_t, float, float*, int64_t);

static double now() {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int main(int argc, char** argv) {
  if (argc < 3) return 1;
  setenv("OPENBLAS_NUM_THREADS", argv[2], 1);
  setenv("OMP_NUM_THREADS", argv[2], 1);
  const bool isBlas = std::strcmp(argv[1], "openblas") == 0;
  void* library = nullptr;
  for (const char* name : isBlas ? std::vector<const char*>{"libopenblas.so.0", "libopenblas.so"}
                                 : std::vector<const char*>{"libdnnl.so.2", "libdnnl.so.3", "libdnnl.so"}) {
    if ((library = dlopen(name, RTLD_NOW)) != nullptr) break;
  }
  if (library == nullptr) return 2;
  const auto cblas = reinterpret_cast<CblasSgemm>(dlsym(library, "cblas_sgemm"));
  const auto dnnl = reinterpret_cast<DnnlSgemm>(dlsym(library, "dnnl_sgemm"));
  if ((isBlas && !cblas) || (!isBlas && !dnnl)) return 2;
  std::puts("ready");
  std::fflush(stdout);
  char line[512];
  std::string current;
  std::vector<float> a, b, c;
  while (std::fgets(line, sizeof line, stdin)) {
    int m = 0, k = 0, n = 0;
    char form[3] = "";
    double milliseconds = 100;
    if (std::sscanf(line, "{\"name\":\"gemm %d %d %d %2s\",\"milliseconds\":%lf", &m, &k, &n, form, &milliseconds) < 4) {
      std::puts("{\"nanoseconds\":null}");
      std::fflush(stdout);
      continue;
    }
    if (current != line) {
      current = line;
      a.resize(size_t(m) * k);
      b.resize(size_t(k) * n);
      c.assign(size_t(m) * n, 0);
      for (size_t i = 0; i < a.size(); i++) a[i] = float(int(i * 2654435761u >> 20) - 2048) / 2048;
      for (size_t i = 0; i < b.size(); i++) b[i] = float(int(i * 2246822519u >> 20) - 2048) / 2048;
    }
    const bool ta = form[0] == 'T', tb = form[1] == 'T';
    const auto product = [&] {
      if (isBlas) {
        cblas(101, ta ? 112 : 111, tb ? 112 : 111, m, n, k, 1, a.data(), ta ? m : k, b.data(), tb ? k : n, 0, c.data(), n);
      } else {
        dnnl(ta ? 'T' : 'N', tb ? 'T' : 'N', m, n, k, 1, a.data(), ta ? m : k, b.data(), tb ? k : n, 0, c.data(), n);
      }
    };
    const double start = now();
    int64_t count = 0, group = 1;
    double elapsed = 0;
    do {
      for (int64_t i = 0; i < group; i++) product();
      count += group;
      elapsed = now() - start;
      group = elapsed / double(count) > 1e6 ? 1 : group < 1024 ? group * 2 : group;
    } while (elapsed < milliseconds * 1e6);
    std::printf("{\"nanoseconds\":%.1f}\n", elapsed / double(count));
    std::fflush(stdout);
  }
}
