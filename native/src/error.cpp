#include "error.h"

namespace {
thread_local std::string last_error;
}

namespace flowbp {
void set_error(std::string message) {
    last_error = std::move(message);
}
}  // namespace flowbp

const char* flowbp_last_error() {
    return last_error.c_str();
}

void flowbp_set_last_error(const char* message) {
    last_error = message;
}
