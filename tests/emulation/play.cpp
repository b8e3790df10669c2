// Repeats recorded launches in a process of its own, which may be built with a sanitizer: a library with one can't be loaded into
// a process without. Each buffer is allocated for itself, exactly as long as it was, as far from a multiple of 16 bytes as it
// was; the pointers among the kernels' parameters are changed accordingly.
//
// The file: launches, each a name, grid, block, the parameters' bytes, and the buffers that those point to: address and contents.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#ifdef EMULATION_ASAN
#include <sanitizer/asan_interface.h>
#endif

extern "C" int emulation_launch(const char* name, const unsigned* grid, const unsigned* block, int shared_bytes,
                                void** arguments, const char* schedule, int poison, char* message, int message_bytes);

namespace {

struct Buffer {
    uint64_t address, bytes;
    char* allocation;
    char* memory;
};

FILE* file;

bool read(void* destination, size_t bytes) {
    const size_t got = fread(destination, 1, bytes, file);
    if (got != bytes && (got != 0 || !feof(file))) {
        fprintf(stderr, "the record is cut short\n");
        exit(2);
    }
    return got == bytes;
}

template <class T>
T read() {
    T value = {};
    if (!read(&value, sizeof value)) {
        fprintf(stderr, "the record is cut short\n");
        exit(2);
    }
    return value;
}

Buffer read_buffer() {
    Buffer buffer = {};
    buffer.address = read<uint64_t>();
    buffer.bytes = read<uint64_t>();
    const size_t offset = buffer.address % 16;
    buffer.allocation = static_cast<char*>(malloc(offset + buffer.bytes));
    buffer.memory = buffer.allocation + offset;
    if (buffer.bytes != 0) {
        read(buffer.memory, buffer.bytes);
    }
#ifdef EMULATION_ASAN
    __asan_poison_memory_region(buffer.allocation, offset / 8 * 8);
#endif
    return buffer;
}

// Whatever among 8-byte words lies in a recorded buffer was a pointer into it.
void change_pointers(std::vector<char>& parameter, const std::vector<Buffer>& buffers) {
    for (size_t i = 0; i + sizeof(uint64_t) <= parameter.size(); i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, &parameter[i], sizeof word);
        for (const Buffer& buffer : buffers) {
            if (word >= buffer.address && word < buffer.address + (buffer.bytes == 0 ? 1 : buffer.bytes)) {
                const char* moved = buffer.memory + (word - buffer.address);
                memcpy(&parameter[i], &moved, sizeof moved);
                break;
            }
        }
    }
}

bool play_one(const char* schedule) {
    uint32_t name_length;
    if (!read(&name_length, sizeof name_length)) {
        return false;
    }
    std::string name(name_length, ' ');
    read(name.data(), name_length);
    unsigned grid[3], block[3];
    read(grid, sizeof grid);
    read(block, sizeof block);
    std::vector<std::vector<char>> parameters(read<uint32_t>());
    for (std::vector<char>& parameter : parameters) {
        parameter.resize(read<uint32_t>());
        read(parameter.data(), parameter.size());
    }
    std::vector<Buffer> buffers(read<uint32_t>());
    for (Buffer& buffer : buffers) {
        buffer = read_buffer();
    }
    std::vector<void*> arguments;
    for (std::vector<char>& parameter : parameters) {
        change_pointers(parameter, buffers);
        arguments.push_back(parameter.data());
    }
    fprintf(stderr, "launch: %s, grid %u %u %u, block %u\n", name.c_str(), grid[0], grid[1], grid[2], block[0]);
    char message[1024];
    if (emulation_launch(name.c_str(), grid, block, 0, arguments.data(), schedule, 0xFF, message, sizeof message) != 0) {
        fprintf(stderr, "emulation: %s\n", message);
        exit(1);
    }
    for (Buffer& buffer : buffers) {
#ifdef EMULATION_ASAN
        __asan_unpoison_memory_region(buffer.allocation, buffer.address % 16 / 8 * 8);
#endif
        free(buffer.allocation);
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    file = argc == 3 ? fopen(argv[1], "rb") : nullptr;
    if (!file) {
        fprintf(stderr, "usage: play RECORD SCHEDULE\n");
        return 2;
    }
    int launches = 0;
    while (play_one(argv[2])) {
        launches++;
    }
    printf("%d launches\n", launches);
    return 0;
}
