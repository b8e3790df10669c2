// Turns C++ exceptions into a status and a message for the calling thread.
#pragma once
#include <c10/util/Exception.h>

#include <exception>
#include <string>

#include "flowbp.h"

namespace flowbp {

void set_error(std::string message);

template <typename Body>
int32_t guarded(Body&& body) {
    try {
        body();
        return 0;
    } catch (const c10::Error& error) {
        // Without the C++ backtrace, which says nothing to someone who writes C#.
        set_error(error.what_without_backtrace());
    } catch (const std::exception& error) {
        set_error(error.what());
    } catch (...) {
        set_error("an exception of unknown type left libtorch");
    }
    return 1;
}

}  // namespace flowbp
