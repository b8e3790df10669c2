// How elements lie in memory and what arithmetic is done on them. A thread works on a Vector: a few consecutive elements of
// one storage type, held as the 32-bit words that came from memory and unpacked where they are used, since a bf16 takes half
// the registers of a binary32 until then. A vector is filled by 16-byte loads where address and length allow it, and element
// by element where not; everything behind that point is one code.
#pragma once
#include "device.cuh"

// The upper half of a binary32.
struct Bf16 {
    unsigned short bits;
};

// The type that arithmetic on a storage type is done in.
template <class Storage>
struct ArithmeticOf {
    typedef float Type;
};
template <>
struct ArithmeticOf<double> {
    typedef double Type;
};
template <class Storage>
using Arithmetic = typename ArithmeticOf<Storage>::Type;

// Elements of the widest load.
template <class Storage>
constexpr int PerLoad = 16 / sizeof(Storage);

template <class Storage, int Count>
struct Vector {
    static constexpr int Words = Count * sizeof(Storage) / 4;
    unsigned word[Words];
};

template <int Count>
__device__ __forceinline__ float value_at(const Vector<Bf16, Count>& v, int i) {
    return __uint_as_float(i % 2 == 0 ? v.word[i / 2] << 16 : v.word[i / 2] & 0xFFFF0000u);
}
template <int Count>
__device__ __forceinline__ float value_at(const Vector<float, Count>& v, int i) {
    return __uint_as_float(v.word[i]);
}
template <int Count>
__device__ __forceinline__ double value_at(const Vector<double, Count>& v, int i) {
    return __hiloint2double(v.word[2 * i + 1], v.word[2 * i]);
}

template <class Storage, int Count>
__device__ __forceinline__ void unpack(Arithmetic<Storage> (&value)[Count], const Vector<Storage, Count>& v) {
#pragma unroll
    for (int i = 0; i < Count; i++) {
        value[i] = value_at(v, i);
    }
}

// Rounds to storage.
template <int Count>
__device__ __forceinline__ void pack(Vector<Bf16, Count>& v, const float (&value)[Count]) {
#pragma unroll
    for (int i = 0; i < Count; i += 2) {
        v.word[i / 2] = round_to_bf16_pair(value[i], value[i + 1]);
    }
}
template <int Count>
__device__ __forceinline__ void pack(Vector<float, Count>& v, const float (&value)[Count]) {
#pragma unroll
    for (int i = 0; i < Count; i++) {
        v.word[i] = __float_as_uint(value[i]);
    }
}
template <int Count>
__device__ __forceinline__ void pack(Vector<double, Count>& v, const double (&value)[Count]) {
#pragma unroll
    for (int i = 0; i < Count; i++) {
        v.word[2 * i] = __double2loint(value[i]);
        v.word[2 * i + 1] = __double2hiint(value[i]);
    }
}

// The address must be a multiple of the vector's size, or of 16 if that is less.
template <Access access, class Storage, int Count>
__device__ __forceinline__ void load(Vector<Storage, Count>& v, const Storage* address) {
    constexpr int Words = Vector<Storage, Count>::Words;
    static_assert(Words == 2 || Words % 4 == 0, "vectors are loaded in pieces of 8 or 16 bytes");
    if constexpr (Words == 2) {
        const uint2 piece = load_8_bytes<access>(address);
        v.word[0] = piece.x;
        v.word[1] = piece.y;
    } else {
#pragma unroll
        for (int w = 0; w < Words; w += 4) {
            const uint4 piece = load_16_bytes<access>(reinterpret_cast<const unsigned*>(address) + w);
            v.word[w] = piece.x;
            v.word[w + 1] = piece.y;
            v.word[w + 2] = piece.z;
            v.word[w + 3] = piece.w;
        }
    }
}

template <class Storage, int Count>
__device__ __forceinline__ void store(Storage* address, const Vector<Storage, Count>& v) {
    constexpr int Words = Vector<Storage, Count>::Words;
    unsigned* word = reinterpret_cast<unsigned*>(address);
    if constexpr (Words == 1) {
        *word = v.word[0];
    } else if constexpr (Words == 2) {
        store_8_bytes(word, make_uint2(v.word[0], v.word[1]));
    } else {
#pragma unroll
        for (int w = 0; w < Words; w += 4) {
            store_16_bytes(word + w, make_uint4(v.word[w], v.word[w + 1], v.word[w + 2], v.word[w + 3]));
        }
    }
}

// The first `count` elements (all, if there are more than that) one by one; zeros for the rest.
template <int Count>
__device__ __forceinline__ void load_elements(Vector<Bf16, Count>& v, const Bf16* address, long long count) {
#pragma unroll
    for (int i = 0; i < Count; i += 2) {
        const unsigned low = i < count ? address[i].bits : 0;
        const unsigned high = i + 1 < count ? address[i + 1].bits : 0;
        v.word[i / 2] = low | (high << 16);
    }
}
template <int Count>
__device__ __forceinline__ void load_elements(Vector<float, Count>& v, const float* address, long long count) {
#pragma unroll
    for (int i = 0; i < Count; i++) {
        v.word[i] = i < count ? __float_as_uint(address[i]) : 0;
    }
}
template <int Count>
__device__ __forceinline__ void load_elements(Vector<double, Count>& v, const double* address, long long count) {
#pragma unroll
    for (int i = 0; i < Count; i++) {
        const double value = i < count ? address[i] : 0;
        v.word[2 * i] = __double2loint(value);
        v.word[2 * i + 1] = __double2hiint(value);
    }
}

template <int Count>
__device__ __forceinline__ void store_elements(Bf16* address, const Vector<Bf16, Count>& v, long long count) {
#pragma unroll
    for (int i = 0; i < Count; i++) {
        if (i < count) {
            address[i].bits = static_cast<unsigned short>(v.word[i / 2] >> (i % 2 * 16));
        }
    }
}
template <class Storage, int Count>
__device__ __forceinline__ void store_elements(Storage* address, const Vector<Storage, Count>& v, long long count) {
#pragma unroll
    for (int i = 0; i < Count; i++) {
        if (i < count) {
            address[i] = value_at(v, i);
        }
    }
}

// One of the two, chosen when the kernel is compiled: Whole vectors are aligned and lie within their row.
template <bool Whole, Access access, class Storage, int Count>
__device__ __forceinline__ void load_some(Vector<Storage, Count>& v, const Storage* address, long long count) {
    if constexpr (Whole) {
        load<access>(v, address);
    } else {
        load_elements(v, address, count);
    }
}
template <bool Whole, class Storage, int Count>
__device__ __forceinline__ void store_some(Storage* address, const Vector<Storage, Count>& v, long long count) {
    if constexpr (Whole) {
        store(address, v);
    } else {
        store_elements(address, v, count);
    }
}

// Whether vectors of this many bytes can start at an address or after a stride. Several are asked about by or-ing their bits.
__device__ __forceinline__ bool is_multiple(unsigned long long bits, int bytes) {
    return bits % (bytes < 16 ? bytes : 16) == 0;
}
__device__ __forceinline__ unsigned long long bits_of(const void* address) {
    return reinterpret_cast<unsigned long long>(address);
}
