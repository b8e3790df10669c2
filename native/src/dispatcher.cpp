// Any ATen operator from a list of tagged values, through the dispatcher's boxed calling convention.
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "error.h"
#include "handles.h"

static_assert(sizeof(FlowbpValue) == 16 && offsetof(FlowbpValue, bits) == 8);

using c10::IValue;
using flowbp::guarded;

namespace {

IValue decode(const FlowbpValue& value) {
    auto* ints = reinterpret_cast<const int64_t*>(value.bits);
    auto* handles = reinterpret_cast<void* const*>(value.bits);
    switch (value.tag) {
        case FLOWBP_NONE:
            return IValue();
        case FLOWBP_TENSOR:
            return value.bits ? IValue(flowbp::tensor_of(reinterpret_cast<void*>(value.bits))) : IValue();
        case FLOWBP_INT:
            return IValue(value.bits);
        case FLOWBP_DOUBLE: {
            double number;
            std::memcpy(&number, &value.bits, sizeof number);
            return IValue(number);
        }
        case FLOWBP_BOOL:
            return IValue(value.bits != 0);
        case FLOWBP_INT_LIST:
            return IValue(std::vector<int64_t>(ints, ints + value.length));
        case FLOWBP_DOUBLE_LIST: {
            auto* numbers = reinterpret_cast<const double*>(value.bits);
            return IValue(std::vector<double>(numbers, numbers + value.length));
        }
        case FLOWBP_BOOL_LIST: {
            c10::List<bool> list;
            for (int32_t i = 0; i < value.length; i++) {
                list.push_back(ints[i] != 0);
            }
            return IValue(list);
        }
        case FLOWBP_TENSOR_LIST: {
            c10::List<at::Tensor> list;
            list.reserve(value.length);
            for (int32_t i = 0; i < value.length; i++) {
                if (!handles[i]) {
                    throw std::invalid_argument("tensor " + std::to_string(i) + " of a list is missing");
                }
                list.push_back(flowbp::tensor_of(handles[i]));
            }
            return IValue(list);
        }
        case FLOWBP_OPTIONAL_TENSOR_LIST: {
            c10::impl::GenericList list(c10::OptionalType::create(c10::TensorType::get()));
            for (int32_t i = 0; i < value.length; i++) {
                list.push_back(handles[i] ? IValue(flowbp::tensor_of(handles[i])) : IValue());
            }
            return IValue(list);
        }
        case FLOWBP_STRING:
            return IValue(std::string(reinterpret_cast<const char*>(value.bits), value.length));
        case FLOWBP_DEVICE:
            return IValue(c10::Device(static_cast<c10::DeviceType>(value.bits),
                                      static_cast<c10::DeviceIndex>(value.length)));
    }
    throw std::invalid_argument("unknown value tag " + std::to_string(value.tag));
}

// The results of this thread's last call. The vector keeps its capacity from call to call, and results that did not
// fit into the caller's array wait here for flowbp_operator_take_results.
thread_local std::vector<FlowbpValue> encoded;

void discard(std::vector<FlowbpValue>& results) {
    for (const FlowbpValue& value : results) {
        if (value.tag == FLOWBP_TENSOR && value.bits) {
            flowbp_tensor_free(reinterpret_cast<void*>(value.bits));
        }
    }
    results.clear();
}

void encode(const IValue& value, std::vector<FlowbpValue>& results) {
    if (value.isTensor()) {
        const at::Tensor& tensor = value.toTensor();
        void* handle = tensor.defined() ? flowbp::new_handle(tensor) : nullptr;
        results.push_back({FLOWBP_TENSOR, 0, reinterpret_cast<int64_t>(handle)});
    } else if (value.isTensorList()) {
        for (const at::Tensor& tensor : value.toTensorVector()) {
            results.push_back({FLOWBP_TENSOR, 0, reinterpret_cast<int64_t>(flowbp::new_handle(tensor))});
        }
    } else if (value.isInt()) {
        results.push_back({FLOWBP_INT, 0, value.toInt()});
    } else if (value.isBool()) {
        results.push_back({FLOWBP_BOOL, 0, value.toBool()});
    } else if (value.isDouble()) {
        FlowbpValue number{FLOWBP_DOUBLE, 0, 0};
        const double bits = value.toDouble();
        std::memcpy(&number.bits, &bits, sizeof bits);
        results.push_back(number);
    } else if (!value.isNone()) {
        throw std::runtime_error("an operator returned " + value.tagKind() + ", which the ABI does not carry");
    }
}

}  // namespace

int32_t flowbp_operator_find(const char* name, const char* overload, void** found) {
    return guarded([&] {
        auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
        *found = handle ? new c10::OperatorHandle(*handle) : nullptr;
    });
}

int32_t flowbp_operator_call(void* op, const FlowbpValue* arguments, int32_t argument_count, FlowbpValue* results,
                             int32_t result_capacity, int32_t* result_count) {
    return guarded([&] {
        const auto& handle = *static_cast<c10::OperatorHandle*>(op);
        const auto& parameters = handle.schema().arguments();
        if (static_cast<size_t>(argument_count) > parameters.size()) {
            throw std::invalid_argument("too many arguments for " + toString(handle.schema()));
        }
        torch::jit::Stack stack;
        stack.reserve(parameters.size());
        for (int32_t i = 0; i < argument_count; i++) {
            stack.push_back(decode(arguments[i]));
        }
        for (size_t i = argument_count; i < parameters.size(); i++) {
            const auto& fallback = parameters[i].default_value();
            stack.push_back(fallback ? *fallback : IValue());
        }
        handle.callBoxed(&stack);

        discard(encoded);
        try {
            for (const IValue& value : stack) {
                encode(value, encoded);
            }
        } catch (...) {
            discard(encoded);
            throw;
        }
        *result_count = static_cast<int32_t>(encoded.size());
        if (encoded.size() <= static_cast<size_t>(result_capacity)) {
            std::copy(encoded.begin(), encoded.end(), results);
            encoded.clear();
        }
    });
}

void flowbp_operator_take_results(FlowbpValue* results) {
    std::copy(encoded.begin(), encoded.end(), results);
    encoded.clear();
}
