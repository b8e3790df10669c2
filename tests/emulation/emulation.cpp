// The machine that emulation.h describes: one fiber per CUDA thread, one block after another. It is compiled without
// instrumentation, so that the sanitizers see the kernels' accesses and not its own, and tells them of fibers and of what orders
// them. Blocks are ordered by nothing but acquire-release atomics, as on a GPU, although they run one after another here.
//
// A failed check ends the launch with a message that names kernel, block, threads and lines. The fibers of the launch are
// abandoned where they stand: nothing of theirs needs to be unwound.

#include "emulation.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#ifndef __x86_64__
#error "the emulation switches stacks by x86-64 instructions"
#endif

#ifdef EMULATION_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef EMULATION_TSAN
extern "C" {
void* __tsan_create_fiber(unsigned flags);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void* __tsan_get_current_fiber();
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}
#endif

// Saves the callee's registers on the current stack, changes stacks, restores them.
extern "C" void emulation_switch(void** save, void* load);
asm(R"(
    .text
    .type emulation_switch, @function
emulation_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");

namespace emulation {
namespace {

constexpr int WarpThreads = 32;
constexpr size_t StackBytes = 64 * 1024;
constexpr size_t SharedBytes = 48 * 1024;

enum class State { Ready, AtBarrier, InWarp, Gone };
enum class WarpOperation { Shuffle, Synchronize };

struct Thread {
    State state = State::Ready;
    uint3 index = {};
    int number = 0;
    void* stack_pointer = nullptr;
    char* stack = nullptr;
    Place place = {"", 0};
    // The warp operation that the thread has come to.
    WarpOperation operation = WarpOperation::Shuffle;
    unsigned mask = 0;
    uint64_t value = 0;
    int source = 0;
    uint64_t result = 0;
    // The sanitizers' own records of it.
    void* fake_stack = nullptr;
    void* fiber = nullptr;

    int lane() const { return number % WarpThreads; }
};

struct Warp {
    unsigned arrived = 0;
    char* synchronized = nullptr;
};

struct SharedDeclaration {
    const void* declaration;
    char* memory;
};

struct Launch {
    const Kernel* kernel = nullptr;
    void** arguments = nullptr;
    uint3 grid = {}, block = {}, block_index = {};
    std::vector<Thread> threads;
    std::vector<Warp> warps;
    Thread* current = nullptr;
    int present = 0;
    void* main_stack_pointer = nullptr;
    char* synchronized = nullptr;

    char* shared = nullptr;
    size_t shared_used = 0;
    SharedDeclaration declarations[16];
    int declared = 0;

    bool failed = false;
    char message[1024] = "";

    void* main_fake_stack = nullptr;
    const void* main_stack_bottom = nullptr;
    size_t main_stack_size = 0;
    void* main_fiber = nullptr;
    char started = 0, ended = 0;
};

Launch launch;
const Kernel* kernels = nullptr;

// Thread sanitizer orders threads by addresses that one releases and another acquires. Each barrier of each block has one of its
// own: one for all would order the blocks.
#ifdef EMULATION_TSAN
char tokens[1 << 20];
int tokens_used = 0;
std::vector<char*> finished_shared;
char* new_token() {
    if (tokens_used == sizeof tokens) {
        fprintf(stderr, "too many barriers for one launch under the thread sanitizer\n");
        exit(2);
    }
    return &tokens[tokens_used++];
}
void release(char* token) { __tsan_release(token); }
void acquire(char* token) { __tsan_acquire(token); }
#else
char* new_token() { return nullptr; }
void release(char*) {}
void acquire(char*) {}
#endif

void switch_to_main([[maybe_unused]] bool for_good) {
    Thread* thread = launch.current;
#ifdef EMULATION_ASAN
    __sanitizer_start_switch_fiber(for_good ? nullptr : &thread->fake_stack, launch.main_stack_bottom,
                                   launch.main_stack_size);
#endif
#ifdef EMULATION_TSAN
    __tsan_switch_to_fiber(launch.main_fiber, 1);
#endif
    emulation_switch(&thread->stack_pointer, launch.main_stack_pointer);
#ifdef EMULATION_ASAN
    __sanitizer_finish_switch_fiber(thread->fake_stack, nullptr, nullptr);
#endif
}

void switch_to(Thread* thread) {
    launch.current = thread;
#ifdef EMULATION_ASAN
    __sanitizer_start_switch_fiber(&launch.main_fake_stack, thread->stack, StackBytes);
#endif
#ifdef EMULATION_TSAN
    __tsan_switch_to_fiber(thread->fiber, 1);
#endif
    emulation_switch(&launch.main_stack_pointer, thread->stack_pointer);
#ifdef EMULATION_ASAN
    __sanitizer_finish_switch_fiber(launch.main_fake_stack, nullptr, nullptr);
#endif
    launch.current = nullptr;
}

std::string described(const Thread& thread) {
    const std::string name = "thread " + std::to_string(thread.index.x);
    return thread.state == State::Gone
               ? name + ", which has returned"
               : name + " at " + thread.place.file + ":" + std::to_string(thread.place.line);
}

// Ends the launch. Called by a thread, it doesn't return.
void fail(const std::string& what) {
    launch.failed = true;
    snprintf(launch.message, sizeof launch.message, "%s, block (%u, %u, %u): %s", launch.kernel->name,
             launch.block_index.x, launch.block_index.y, launch.block_index.z, what.c_str());
    if (launch.current) {
        switch_to_main(true);
    }
}

void run_thread() {
#ifdef EMULATION_ASAN
    __sanitizer_finish_switch_fiber(nullptr, &launch.main_stack_bottom, &launch.main_stack_size);
#endif
    acquire(&launch.started);
    launch.kernel->call(launch.kernel->function, launch.arguments);
    release(&launch.ended);
    launch.current->state = State::Gone;
    launch.present--;
    switch_to_main(true);
    abort();
}

char* new_stack() {
    void* stack = mmap(nullptr, StackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED) {
        perror("no memory for the stack of an emulated thread");
        exit(2);
    }
    return static_cast<char*>(stack);
}

#ifdef EMULATION_TSAN
struct Identity {
    char* stack;
    void* fiber;
};
std::vector<Identity> identities;
size_t identities_used = 0;
#endif

void prepare(Thread& thread) {
    thread.state = State::Ready;
    thread.place = {"", 0};
#ifdef EMULATION_TSAN
    // A stack and an identity of its own for each thread of each block: two threads' frames at one address would look like a
    // race, and a shared identity would hide one. The next launch, which comes after all of this one, may have them again.
    if (identities_used == identities.size()) {
        identities.push_back({new_stack(), __tsan_create_fiber(0)});
    }
    thread.stack = identities[identities_used].stack;
    thread.fiber = identities[identities_used].fiber;
    identities_used++;
#else
    if (!thread.stack) {
        thread.stack = new_stack();
    }
#endif
    // What emulation_switch pops: six registers and the address to return to, on a stack aligned as a call leaves it.
    void** top = reinterpret_cast<void**>(thread.stack + StackBytes - 64);
    *--top = nullptr;
    *--top = reinterpret_cast<void*>(&run_thread);
    for (int i = 0; i < 6; i++) {
        *--top = nullptr;
    }
    thread.stack_pointer = top;
}

// Nobody can run: either all are at one barrier, which then opens, or never will be.
void open_barrier() {
    Thread* waiting = nullptr;
    for (Thread& thread : launch.threads) {
        if (thread.state == State::InWarp) {
            return fail("a warp operation waits for lanes that don't come: " + described(thread));
        }
        if (thread.state == State::AtBarrier) {
            if (waiting && (waiting->place.line != thread.place.line || waiting->place.file != thread.place.file)) {
                return fail("divergent __syncthreads: " + described(*waiting) + ", " + described(thread));
            }
            waiting = &thread;
        }
    }
    for (Thread& thread : launch.threads) {
        if (thread.state == State::Gone) {
            return fail("__syncthreads is not reached by all threads: " + described(*waiting) + " waits for " +
                        described(thread));
        }
    }
    launch.synchronized = new_token();
    for (Thread& thread : launch.threads) {
        thread.state = State::Ready;
    }
}

// The order in which threads or blocks take their turns.
struct Schedule {
    bool reverse = false;
    uint64_t seed = 0;

    explicit Schedule(const char* name) {
        reverse = strcmp(name, "reverse") == 0;
        if (strncmp(name, "shuffled ", 9) == 0) {
            seed = strtoull(name + 9, nullptr, 10) * 0x9E3779B97F4A7C15ull + 1;
        }
    }

    std::vector<uint64_t> order(uint64_t count) {
        std::vector<uint64_t> order(count);
        for (uint64_t i = 0; i < count; i++) {
            order[i] = reverse ? count - 1 - i : i;
        }
        for (uint64_t i = count; seed && i > 1; i--) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            std::swap(order[i - 1], order[seed % i]);
        }
        return order;
    }
};

void run_block(Schedule& schedule, int poison) {
    launch.shared = static_cast<char*>(malloc(SharedBytes));
    memset(launch.shared, poison, SharedBytes);
#ifdef EMULATION_ASAN
    __asan_poison_memory_region(launch.shared, SharedBytes);
#endif
    launch.shared_used = 0;
    launch.declared = 0;
    launch.present = static_cast<int>(launch.threads.size());
    launch.synchronized = new_token();
    for (Warp& warp : launch.warps) {
        warp = {0, new_token()};
    }
    for (Thread& thread : launch.threads) {
        prepare(thread);
    }
    release(&launch.started);
    while (launch.present > 0 && !launch.failed) {
        bool ran = false;
        for (uint64_t i : schedule.order(launch.threads.size())) {
            if (launch.threads[i].state == State::Ready && !launch.failed) {
                switch_to(&launch.threads[i]);
                ran = true;
            }
        }
        if (!ran) {
            open_barrier();
        }
    }
#ifdef EMULATION_ASAN
    __asan_unpoison_memory_region(launch.shared, SharedBytes);
#endif
#ifdef EMULATION_TSAN
    finished_shared.push_back(launch.shared);
#else
    free(launch.shared);
#endif
}

// Arrives at a warp operation; the last lane to come computes everybody's result.
uint64_t warp_operation(WarpOperation operation, unsigned mask, uint64_t value, int source, Place place) {
    Thread& thread = *launch.current;
    Warp& warp = launch.warps[thread.number / WarpThreads];
    Thread* lanes = &thread - thread.lane();
    const int count = std::min<int>(WarpThreads, static_cast<int>(launch.threads.data() + launch.threads.size() - lanes));
    thread.place = place;
    thread.operation = operation;
    thread.mask = mask;
    thread.value = value;
    thread.source = source;
    if (!(mask >> thread.lane() & 1)) {
        fail("a warp operation's mask lacks the calling lane: " + described(thread));
    }
    if (count < WarpThreads && mask >> count != 0) {
        fail("a warp operation's mask names lanes that the block doesn't have: " + described(thread));
    }
    for (int i = 0; i < count; i++) {
        if ((mask >> i & 1) && lanes[i].state == State::Gone) {
            fail("a warp operation's mask names a lane that has returned: " + described(thread));
        }
    }
    warp.arrived |= 1u << thread.lane();
    char* synchronized = warp.synchronized;
    if (operation == WarpOperation::Synchronize) {
        release(synchronized);
    }
    if ((warp.arrived & mask) != mask) {
        thread.state = State::InWarp;
        switch_to_main(false);
    } else {
        for (int i = 0; i < count; i++) {
            Thread& lane = lanes[i];
            if (!(mask >> i & 1)) {
                continue;
            }
            if (lane.mask != mask || lane.operation != operation || lane.place.line != place.line) {
                fail("the lanes of a warp disagree on the operation: " + described(thread) + ", " + described(lane));
            }
            if (operation == WarpOperation::Shuffle) {
                if (lane.source < 0 || lane.source >= count || !(mask >> lane.source & 1)) {
                    fail("a shuffle reads a lane that takes no part: " + described(lane));
                }
                lane.result = lanes[lane.source].value;
            }
        }
        for (int i = 0; i < count; i++) {
            if (mask >> i & 1) {
                lanes[i].state = State::Ready;
            }
        }
        warp.arrived &= ~mask;
        if (operation == WarpOperation::Synchronize) {
            warp.synchronized = new_token();
        }
    }
    if (operation == WarpOperation::Synchronize) {
        acquire(synchronized);
    }
    return thread.result;
}

bool is_possible(uint3 grid, uint3 block, int shared_bytes) {
    const uint64_t threads = static_cast<uint64_t>(block.x) * block.y * block.z;
    return grid.x >= 1 && grid.x <= 0x7FFFFFFFu && grid.y >= 1 && grid.y <= 65535 && grid.z >= 1 && grid.z <= 65535 &&
           threads >= 1 && threads <= 1024 && block.z <= 64 && shared_bytes == 0;
}

const Kernel* kernel_named(const char* name) {
    const Kernel* kernel = kernels;
    while (kernel && strcmp(kernel->name, name) != 0) {
        kernel = kernel->next;
    }
    return kernel;
}

}  // namespace

void add(Kernel* kernel) {
    kernel->next = kernels;
    kernels = kernel;
}

const uint3& thread_index() { return launch.current->index; }
const uint3& block_index() { return launch.block_index; }
const uint3& block_size() { return launch.block; }
const uint3& grid_size() { return launch.grid; }
int lane() { return launch.current->lane(); }

void* shared_memory(const void* declaration, size_t bytes) {
    for (int i = 0; i < launch.declared; i++) {
        if (launch.declarations[i].declaration == declaration) {
            return launch.declarations[i].memory;
        }
    }
    // 64 bytes that belong to nobody behind each array.
    const size_t taken = (bytes + 127) / 64 * 64;
    if (launch.declared == sizeof launch.declarations / sizeof *launch.declarations ||
        launch.shared_used + taken > SharedBytes) {
        fail("more than 48 KiB of static shared memory");
    }
    char* memory = launch.shared + launch.shared_used;
    launch.shared_used += taken;
    launch.declarations[launch.declared++] = {declaration, memory};
#ifdef EMULATION_ASAN
    __asan_unpoison_memory_region(memory, bytes);
#endif
    return memory;
}

void synchronize_threads(Place place) {
    Thread& thread = *launch.current;
    char* synchronized = launch.synchronized;
    thread.place = place;
    thread.state = State::AtBarrier;
    release(synchronized);
    switch_to_main(false);
    acquire(synchronized);
}

void synchronize_warp(unsigned mask, Place place) { warp_operation(WarpOperation::Synchronize, mask, 0, 0, place); }

uint64_t shuffle(unsigned mask, uint64_t value, int source, Place place) {
    return warp_operation(WarpOperation::Shuffle, mask, value, source, place);
}

}  // namespace emulation

// ---- What C# and play.cpp call

using emulation::launch;

// Runs a kernel. Returns 0, or 1 and a message. Schedules: "forward", "reverse", "shuffled N".
extern "C" int emulation_launch(const char* name, const unsigned* grid, const unsigned* block, int shared_bytes,
                                void** arguments, const char* schedule_name, int poison, char* message,
                                int message_bytes) {
    launch.failed = false;
    launch.current = nullptr;
    launch.kernel = emulation::kernel_named(name);
    launch.arguments = arguments;
    launch.grid = {grid[0], grid[1], grid[2]};
    launch.block = {block[0], block[1], block[2]};
    if (!launch.kernel || !emulation::is_possible(launch.grid, launch.block, shared_bytes)) {
        snprintf(message, message_bytes, "%s: %s", name,
                 launch.kernel ? "a grid, block or amount of shared memory that no launch can have" : "no such kernel");
        return 1;
    }
    const unsigned threads = block[0] * block[1] * block[2];
    launch.threads.resize(threads);
    launch.warps.resize((threads + emulation::WarpThreads - 1) / emulation::WarpThreads);
    for (unsigned i = 0; i < threads; i++) {
        launch.threads[i].number = static_cast<int>(i);
        launch.threads[i].index = {i % block[0], i / block[0] % block[1], i / (block[0] * block[1])};
    }
#ifdef EMULATION_TSAN
    launch.main_fiber = __tsan_get_current_fiber();
    emulation::tokens_used = 0;
    emulation::identities_used = 0;
#endif
    emulation::Schedule schedule(schedule_name);
    const uint64_t blocks = static_cast<uint64_t>(grid[0]) * grid[1] * grid[2];
    for (uint64_t i : schedule.order(blocks)) {
        launch.block_index = {static_cast<unsigned>(i % grid[0]), static_cast<unsigned>(i / grid[0] % grid[1]),
                              static_cast<unsigned>(i / grid[0] / grid[1])};
        emulation::run_block(schedule, poison);
        if (launch.failed) {
            break;
        }
    }
#ifdef EMULATION_TSAN
    emulation::acquire(&launch.ended);
    for (char* memory : emulation::finished_shared) {
        free(memory);
    }
    emulation::finished_shared.clear();
#endif
    snprintf(message, message_bytes, "%s", launch.failed ? launch.message : "");
    return launch.failed;
}

// Number of a kernel's parameters, -1 if there is no such kernel; their sizes, as far as there is room.
extern "C" int emulation_parameters(const char* name, int* sizes, int room) {
    const emulation::Kernel* kernel = emulation::kernel_named(name);
    if (!kernel) {
        return -1;
    }
    for (int i = 0; i < kernel->parameters && i < room; i++) {
        sizes[i] = static_cast<int>(kernel->parameter_sizes[i]);
    }
    return kernel->parameters;
}
