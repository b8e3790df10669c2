#pragma once
__device__ inline float two() { return 2.0f; }
