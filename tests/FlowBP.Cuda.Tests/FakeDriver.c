// A CUDA driver without a device: what a call must look like to be accepted, and just enough behaviour for the results to be
// checked. Device memory is the host's; PTX is any text that names its kernels; a kernel called axpy computes y += a x when it
// is launched. Each call that needs a context fails where none is current, as the real driver's do.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    success = 0,
    invalid_value = 1,
    out_of_memory = 2,
    invalid_context = 201,
    invalid_ptx = 218,
    unsupported_ptx_version = 222,
    invalid_handle = 400,
    not_found = 500,
};

#define DEVICES 2
#define CONTEXT(device) ((void*)(uintptr_t)(0x1000 + (device)))

typedef struct {
    float* y;
    const float* x;
    float a;
    long long n;
} Axpy;

typedef struct {
    int count;
    Axpy launches[16];
} Graph;

static _Thread_local void* current;
static int retained[DEVICES];
static int loaded_modules;
static int largest_shared = 48 * 1024;
static Graph* capturing;
static int started;

// What the last launch looked like.
unsigned last_launch[7];
void* last_stream;

// Set where every context is to be refused, as on a device that another process owns.
int refuse_contexts;

int fake_retained(int device) { return retained[device]; }
int fake_loaded_modules(void) { return loaded_modules; }
void* fake_current(void) { return current; }
void fake_set_current(void* context) { current = context; }

int cuInit(unsigned flags) {
    started = flags == 0;
    return started ? success : invalid_value;
}

int cuDriverGetVersion(int* version) {
    *version = 12040;
    return success;
}

int cuGetErrorName(int error, const char** name) {
    *name = error == out_of_memory             ? "CUDA_ERROR_OUT_OF_MEMORY"
            : error == invalid_ptx             ? "CUDA_ERROR_INVALID_PTX"
            : error == unsupported_ptx_version ? "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"
            : error == not_found               ? "CUDA_ERROR_NOT_FOUND"
            : error == invalid_value           ? "CUDA_ERROR_INVALID_VALUE"
                                               : NULL;
    return *name ? success : invalid_value;
}

int cuGetErrorString(int error, const char** text) {
    *text = error == out_of_memory ? "out of memory" : error == not_found ? "named symbol not found" : NULL;
    return *text ? success : invalid_value;
}

int cuDeviceGetCount(int* count) {
    *count = DEVICES;
    return started ? success : 3;
}

int cuDeviceGet(int* device, int ordinal) {
    // A handle that is not the number itself.
    *device = ordinal + 70;
    return ordinal >= 0 && ordinal < DEVICES ? success : 101;
}

int cuDeviceGetName(char* name, int length, int device) {
    snprintf(name, (size_t)length, "Imaginary %d", device - 70);
    return success;
}

int cuDeviceGetAttribute(int* value, int attribute, int device) {
    switch (attribute) {
    case 1: *value = 1024; return success;
    case 16: *value = 132; return success;
    case 38: *value = 50 << 20; return success;
    case 75: *value = 9; return success;
    case 76: *value = device - 70; return success;
    case 97: *value = 227 * 1024; return success;
    default: return invalid_value;
    }
}

int cuDeviceTotalMem_v2(size_t* bytes, int device) {
    *bytes = ((size_t)80 << 30) + (size_t)device;
    return success;
}

int cuDevicePrimaryCtxRetain(void** context, int device) {
    if (refuse_contexts) return out_of_memory;
    retained[device - 70]++;
    *context = CONTEXT(device - 70);
    return success;
}

int cuDevicePrimaryCtxRelease_v2(int device) {
    retained[device - 70]--;
    return success;
}

int cuCtxGetCurrent(void** context) {
    *context = current;
    return success;
}

int cuCtxSetCurrent(void* context) {
    current = context;
    return success;
}

int cuModuleLoadDataEx(void** module, const void* image, unsigned count, const int* options, void** values) {
    if (!current) return invalid_context;
    if (count != 4 || options[0] != 3 || options[1] != 4 || options[2] != 5 || options[3] != 6) return invalid_value;
    const char* text = image;
    if (strncmp(text, "refuse", 6) == 0) {
        snprintf(values[0], (size_t)(uintptr_t)values[1], "information");
        snprintf(values[2], (size_t)(uintptr_t)values[3], "ptxas: line 7: no such instruction");
        return text[6] == '!' ? unsupported_ptx_version : invalid_ptx;
    }
    *module = strdup(text);
    loaded_modules++;
    return success;
}

int cuModuleUnload(void* module) {
    if (!current) return invalid_context;
    free(module);
    loaded_modules--;
    return success;
}

int cuModuleGetFunction(void** function, void* module, const char* name) {
    if (!current) return invalid_context;
    *function = strstr(module, name);
    return *function ? success : not_found;
}

int cuFuncGetAttribute(int* value, int attribute, void* function) {
    if (!current || !function) return invalid_context;
    static const int values[] = {512, 1024, 64, 8, 40};
    if (attribute < 0 || attribute > 4) return invalid_value;
    *value = values[attribute];
    return success;
}

int cuFuncSetAttribute(void* function, int attribute, int value) {
    if (!current || !function || attribute != 8 || value > 227 * 1024) return invalid_value;
    largest_shared = value;
    return success;
}

static void run(const Axpy* launch) {
    for (long long i = 0; i < launch->n; i++) launch->y[i] += launch->a * launch->x[i];
}

int cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                   unsigned block_z, unsigned shared, void* stream, void** arguments, void** extra) {
    if (!current) return invalid_context;
    if (extra || (int)shared > largest_shared || grid_x == 0) return invalid_value;
    const unsigned launch[7] = {grid_x, grid_y, grid_z, block_x, block_y, block_z, shared};
    memcpy(last_launch, launch, sizeof launch);
    last_stream = stream;
    if (strncmp(function, "axpy", 4) == 0) {
        Axpy values = {*(float**)arguments[0], *(const float**)arguments[1], *(float*)arguments[2],
                       *(long long*)arguments[3]};
        if (capturing) {
            capturing->launches[capturing->count++] = values;
        } else {
            run(&values);
        }
    }
    return success;
}

int cuMemAlloc_v2(void** pointer, size_t bytes) {
    if (!current) return invalid_context;
    if (bytes > (size_t)1 << 40) return out_of_memory;
    *pointer = malloc(bytes);
    return success;
}

int cuMemFree_v2(void* pointer) {
    if (!current) return invalid_context;
    free(pointer);
    return success;
}

int cuMemGetInfo_v2(size_t* free_bytes, size_t* total) {
    if (!current) return invalid_context;
    *free_bytes = (size_t)3 << 30;
    *total = (size_t)80 << 30;
    return success;
}

int cuMemcpyHtoDAsync_v2(void* destination, const void* source, size_t bytes, void* stream) {
    (void)stream;
    memcpy(destination, source, bytes);
    return current ? success : invalid_context;
}

int cuMemcpyDtoHAsync_v2(void* destination, const void* source, size_t bytes, void* stream) {
    (void)stream;
    memcpy(destination, source, bytes);
    return current ? success : invalid_context;
}

int cuMemsetD8Async(void* destination, unsigned char value, size_t bytes, void* stream) {
    (void)stream;
    memset(destination, value, bytes);
    return current ? success : invalid_context;
}

int cuPointerGetAttribute(void* value, int attribute, void* pointer) {
    if (attribute != 9 || (uintptr_t)pointer < 0x10000) return invalid_value;
    *(int*)value = 1;
    return success;
}

int cuStreamCreate(void** stream, unsigned flags) {
    if (flags != 1) return invalid_value;
    *stream = malloc(1);
    return current ? success : invalid_context;
}

int cuStreamDestroy_v2(void* stream) {
    free(stream);
    return current ? success : invalid_context;
}

int cuStreamSynchronize(void* stream) {
    (void)stream;
    return !current ? invalid_context : capturing ? 900 : success;
}

// Whoever asks is told every other time that there is still something to do.
int cuStreamQuery(void* stream) {
    static int asked;
    (void)stream;
    return !current ? invalid_context : capturing ? 900 : asked++ % 2 == 0 ? 600 : success;
}

int cuStreamBeginCapture_v2(void* stream, int mode) {
    if (!stream || mode != 1 || capturing) return invalid_value;
    capturing = calloc(1, sizeof *capturing);
    return success;
}

int cuStreamEndCapture(void* stream, void** graph) {
    if (!stream || !capturing) return invalid_value;
    *graph = capturing;
    capturing = NULL;
    return success;
}

int cuGraphInstantiateWithFlags(void** executable, void* graph, unsigned long long flags) {
    if (flags != 0) return invalid_value;
    *executable = malloc(sizeof(Graph));
    memcpy(*executable, graph, sizeof(Graph));
    return success;
}

int cuGraphLaunch(void* executable, void* stream) {
    (void)stream;
    const Graph* graph = executable;
    for (int i = 0; i < graph->count; i++) run(&graph->launches[i]);
    return success;
}

int cuGraphExecDestroy(void* executable) {
    free(executable);
    return success;
}

int cuGraphDestroy(void* graph) {
    free(graph);
    return success;
}

int cuEventCreate(void** event, unsigned flags) {
    if (flags != 0) return invalid_value;
    *event = calloc(1, sizeof(double));
    return success;
}

int cuEventRecord(void* event, void* stream) {
    (void)stream;
    static double now;
    *(double*)event = now += 1.25;
    return success;
}

int cuEventSynchronize(void* event) { return event ? success : invalid_value; }

int cuEventElapsedTime(float* milliseconds, void* start, void* end) {
    *milliseconds = (float)(*(double*)end - *(double*)start);
    return success;
}

int cuEventDestroy_v2(void* event) {
    free(event);
    return success;
}
