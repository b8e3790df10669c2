// Gradients: the mode switch, backward, grad, and nodes whose backward runs on the managed side.
#include <c10/core/GradMode.h>
#include <c10/util/intrusive_ptr.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/edge.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <concepts>
#include <memory>
#include <stdexcept>
#include <utility>

#include "error.h"
#include "handles.h"

using flowbp::guarded;
using flowbp::tensor_of;
using flowbp::tensors_of;

namespace {

// How the graph owns its nodes: by a std::shared_ptr, or by a c10::intrusive_ptr where a node counts its own references.
using NodePointer = decltype(torch::autograd::Edge::function);

template <typename Node, typename... Arguments>
auto make_node(Arguments&&... arguments) {
    if constexpr (std::derived_from<Node, c10::intrusive_ptr_target>) {
        return c10::make_intrusive<Node>(std::forward<Arguments>(arguments)...);
    } else {
        // libtorch's deleter, which takes a long graph apart without recursion. It is found by its argument, when this branch
        // is compiled: a release whose nodes count references has none.
        return std::shared_ptr<Node>(new Node(std::forward<Arguments>(arguments)...),
                                     [](Node* node) { deleteNode(node); });
    }
}

// A graph node that hands the cotangents to a managed callback. The managed context lives exactly as long as the
// node: the graph owns the node, the node releases the context.
struct ManagedNode final : torch::autograd::Node {
    ManagedNode(void* context, FlowbpBackward backward, FlowbpRelease release, bool materialize)
        : context_(context), backward_(backward), release_(release), materialize_(materialize) {}

    ~ManagedNode() override { release_variables(); }

    void release_variables() override {
        if (context_) {
            release_(context_);
            context_ = nullptr;
        }
    }

    torch::autograd::variable_list apply(torch::autograd::variable_list&& gradients) override {
        if (!context_) {
            throw std::runtime_error(
                "trying to backward through a managed function a second time; pass retain_graph: true the first time");
        }
        std::vector<void*> handles;
        for (size_t i = 0; i < gradients.size(); i++) {
            if (gradients[i].defined()) {
                handles.push_back(flowbp::new_handle(gradients[i]));
            } else if (materialize_ && differentiable_[i]) {
                handles.push_back(flowbp::new_handle(input_metadata(i).zeros_like()));
            } else {
                handles.push_back(nullptr);
            }
        }
        std::vector<void*> results(num_outputs(), nullptr);
        // The callback owns the handles that it is given.
        const int32_t status = backward_(context_, handles.data(), static_cast<int32_t>(handles.size()), results.data(),
                                         static_cast<int32_t>(results.size()));
        torch::autograd::variable_list pulled_back;
        for (void* result : results) {
            pulled_back.push_back(result ? tensor_of(result) : at::Tensor());
            if (result) {
                flowbp_tensor_free(result);
            }
        }
        if (status != 0) {
            throw std::runtime_error(flowbp_last_error());
        }
        return pulled_back;
    }

    // Makes a tensor a result of this node. Integers and truth values have no gradient, but keep their place.
    void add_output(at::Tensor& output, const NodePointer& self) {
        const bool differentiable = torch::autograd::isDifferentiableType(output.scalar_type());
        differentiable_.push_back(differentiable);
        if (differentiable) {
            torch::autograd::set_history(output, self);
        } else {
            add_input_metadata(Node::undefined_input());
        }
    }

    void* context_;
    FlowbpBackward backward_;
    FlowbpRelease release_;
    bool materialize_;
    std::vector<bool> differentiable_;
};

}  // namespace

int32_t flowbp_grad_mode_get() {
    return c10::GradMode::is_enabled();
}

void flowbp_grad_mode_set(int32_t enabled) {
    c10::GradMode::set_enabled(enabled != 0);
}

int32_t flowbp_autograd_backward(void* const* outputs, void* const* gradients, int32_t output_count,
                                 void* const* inputs, int32_t input_count, int32_t retain_graph,
                                 int32_t create_graph) {
    return guarded([&] {
        torch::autograd::backward(tensors_of(outputs, output_count), tensors_of(gradients, output_count),
                                  retain_graph != 0, create_graph != 0, tensors_of(inputs, input_count));
    });
}

int32_t flowbp_autograd_grad(void* const* outputs, void* const* gradients, int32_t output_count, void* const* inputs,
                             int32_t input_count, int32_t retain_graph, int32_t create_graph, int32_t allow_unused,
                             void** results) {
    return guarded([&] {
        const auto found = torch::autograd::grad(tensors_of(outputs, output_count), tensors_of(inputs, input_count),
                                                 tensors_of(gradients, output_count), retain_graph != 0,
                                                 create_graph != 0, allow_unused != 0);
        for (size_t i = 0; i < found.size(); i++) {
            results[i] = found[i].defined() ? flowbp::new_handle(found[i]) : nullptr;
        }
    });
}

int32_t flowbp_autograd_attach(void* const* inputs, int32_t input_count, void* const* outputs, int32_t output_count,
                               int32_t materialize, void* context, FlowbpBackward backward,
                               FlowbpRelease release) {
    return guarded([&] {
        const auto node = make_node<ManagedNode>(context, backward, release, materialize != 0);
        node->set_next_edges(torch::autograd::collect_next_edges(tensors_of(inputs, input_count)));
        for (int32_t i = 0; i < output_count; i++) {
            node->add_output(tensor_of(outputs[i]), node);
        }
    });
}
