// OpenBLAS has a thread pool of its own, which at::set_num_threads does not reach: its functions are looked up by name,
// because libtorch may as well have been built with another BLAS.
#include <dlfcn.h>

#include "flowbp.h"

namespace {

template <typename Function>
Function find(const char* name) {
    return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

}  // namespace

int32_t flowbp_blas_threads_get() {
    static const auto get = find<int (*)()>("openblas_get_num_threads");
    return get == nullptr ? 0 : get();
}

void flowbp_blas_threads_set(int32_t threads) {
    static const auto set = find<void (*)(int)>("openblas_set_num_threads");
    if (set != nullptr) {
        set(threads);
    }
}

const char* flowbp_blas_kernels() {
    static const auto get = find<char* (*)()>("openblas_get_corename");
    return get == nullptr ? "" : get();
}
