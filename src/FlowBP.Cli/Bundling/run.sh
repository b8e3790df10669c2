#!/usr/bin/env bash
#
# run.sh [FOLDER]: builds native/ against this node's libtorch, then repeats the fixtures, runs the GPU tests and the
# benchmarks, and writes FOLDER/results.json (default: $OUT, else ./flowbp-results). Needs g++ and a libtorch, best PyTorch's;
# neither .NET nor a network. A part that fails does not stop the others. Exit code: 0, or 1 if any part failed.
#
# Where libtorch is looked for: LIBTORCH (its folder), the torch package of python3, the system.

set -uo pipefail

here="$(cd -P -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd)"
app="$here/app"

case "${1-}" in
    -h | --help) sed -n '3,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    -*) printf 'run.sh: unknown option %s (run.sh [FOLDER])\n' "$1" >&2; exit 2 ;;
esac
if [[ $# -gt 1 ]]; then
    printf 'run.sh: one folder, found: %s\n' "$*" >&2
    exit 2
fi
out="${1:-${OUT:-flowbp-results}}"
mkdir -p "$out" || { printf 'run.sh: %s can not be made; give another folder\n' "$out" >&2; exit 1; }
out="$(cd -P -- "$out" && pwd)"
results="$out/results.json"
work="$out/build"
parts="$out/.parts"
log="$out/.log"
: >"$parts"
failed=0

FLOWBP_COMMIT="$(cat "$here/commit" 2>/dev/null || echo unknown)"
export FLOWBP_COMMIT
export FLOWBP_NATIVE="$work/native" FLOWBP_SHARED="$here/shared"
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 TESTINGPLATFORM_TELEMETRY_OPTOUT=1
export HOME="${HOME:-$out}"

# ---- JSON ----------------------------------------------------------------------------------------------------------

# json_text: standard input as a JSON string; control characters other than line breaks and tabs are left out.
json_text() {
    tr -d '\000-\010\013-\037\177' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/\t/\\t/g' \
        | awk 'BEGIN { printf "\"" } NR > 1 { printf "\\n" } { printf "%s", $0 } END { printf "\"" }'
}

# record NAME COMMAND OUTCOME EXIT-CODE SECONDS: takes the output from $log
record() {
    {
        [[ -s $parts ]] && printf ',\n'
        printf '    { "name": %s, "command": %s, "outcome": "%s", "exit_code": %s, "seconds": %s,\n      "output": %s }' \
            "$(json_text <<<"$1")" "$(json_text <<<"$2")" "$3" "$4" "$5" "$(tail -n 400 "$log" | json_text)"
    } >"$parts.next"
    cat "$parts.next" >>"$parts"
    rm -f "$parts.next"
    write_results
}

# report FILE: a report of this run as a JSON string; null where there is none.
report() { if [[ -s $out/$1 ]]; then json_text <"$out/$1"; else printf null; fi }

# Written after every part, so that what is done is there if the node goes away.
write_results() {
    {
        printf '{\n'
        printf '  "date": %s,\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ | json_text)"
        printf '  "commit": %s,\n' "$(json_text <<<"$FLOWBP_COMMIT")"
        printf '  "device": %s,\n' "$(json_text <<<"$device")"
        printf '  "driver": %s,\n' "$(json_text <<<"$driver")"
        printf '  "libtorch": %s,\n' "$(json_text <<<"$torch_folder")"
        printf '  "failed": %d,\n' "$failed"
        printf '  "parts": [\n%s\n  ],\n' "$(cat "$parts")"
        printf '  "benchmarks": %s,\n' "$(report gpu.md)"
        printf '  "full_size": %s,\n' "$(report full-size.md)"
        printf '  "full_size_lora": %s\n' "$(report full-size-lora.md)"
        printf '}\n'
    } >"$results.next" && mv "$results.next" "$results"
}

# ---- parts ---------------------------------------------------------------------------------------------------------

# part NAME COMMAND ...
part() {
    local name="$1" started=$SECONDS code=0 outcome=passed
    shift
    printf '== %s\n' "$name"
    "$@" </dev/null 2>&1 | tee "$log"
    code=${PIPESTATUS[0]}
    if [[ $code -ne 0 ]]; then outcome=failed failed=$((failed + 1)); fi
    record "$name" "$*" "$outcome" "$code" "$((SECONDS - started))"
    printf '== %s: %s after %d s\n\n' "$name" "$outcome" "$((SECONDS - started))"
    return "$code"
}

# skip NAME REASON
skip() {
    printf '== %s: skipped, %s\n\n' "$1" "$2"
    printf '%s\n' "$2" >"$log"
    record "$1" "" skipped null 0
}

gpu_part() {
    if [[ -n $device ]]; then part "$@"; else skip "$1" "no GPU"; fi
}

find_gpu() {
    device="" driver=""
    if command -v nvidia-smi >/dev/null; then
        device="$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -n 1)"
        driver="$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1)"
        # Where there is no GPU, it says so on standard output.
        [[ $device != *"No devices"* && $device != *"failed"* ]] || { device="" driver=""; }
    fi
    if [[ -z $device ]] && compgen -G '/dev/nvidia[0-9]*' >/dev/null; then device="NVIDIA GPU (no nvidia-smi)"; fi
}

# ---- native/ -------------------------------------------------------------------------------------------------------

# find_libtorch: sets torch_folder, torch_includes, torch_libraries; torch_folder is empty where there is none.
find_libtorch() {
    local folder
    torch_folder="" torch_includes=() torch_libraries=""
    # Where python3 would import torch from, without importing it.
    folder="${LIBTORCH-}"
    [[ -n $folder ]] || folder="$(cd /; python3 -c '
import importlib.util, os
found = importlib.util.find_spec("torch")
print(os.path.dirname(found.origin) if found and found.origin else "")' 2>/dev/null)"
    if [[ -n $folder && -e $folder/lib/libtorch_cpu.so ]]; then
        torch_folder="$folder" torch_libraries="$folder/lib"
        torch_includes=("$folder/include" "$folder/include/torch/csrc/api/include")
        return
    fi
    for folder in /usr/lib/x86_64-linux-gnu /usr/lib64 /usr/lib /usr/local/lib; do
        if [[ -e $folder/libtorch_cpu.so && -e ${folder%%/lib*}/include/torch/csrc ]]; then
            torch_folder="$folder" torch_libraries="$folder"
            torch_includes=("${folder%%/lib*}/include" "${folder%%/lib*}/include/torch/csrc/api/include")
            return
        fi
    done
}

build_native() {
    if [[ -z $torch_folder ]]; then
        echo "libtorch is not found: set LIBTORCH to its folder, or have python3 with torch on the PATH"
        return 1
    fi
    echo "libtorch: $torch_folder"
    rm -rf "$work"
    mkdir -p "$work/native"
    local -a config=()
    if [[ -e ${torch_folder}/share/cmake/Torch ]]; then config=("-DTorch_DIR=$torch_folder/share/cmake/Torch"); fi
    if command -v cmake >/dev/null \
        && cmake -S "$here" -B "$work" -DCMAKE_BUILD_TYPE=Release "${config[@]}" \
        && cmake --build "$work" --parallel "$(nproc)"; then
        return 0
    fi
    command -v cmake >/dev/null && echo "CMake did not get there; once more without it"
    build_native_without_cmake
}

build_native_without_cmake() {
    local include library abi
    local -a flags=(-std=c++20 -O2 -fPIC -shared -fvisibility=hidden -fvisibility-inlines-hidden "-I$here/native/include")
    for include in "${torch_includes[@]}"; do
        # The compiler searches its own folder last, and its headers count on that.
        [[ $include == /usr/include ]] || flags+=(-isystem "$include")
    done
    abi="$(grep -ohE -- '-D_GLIBCXX_USE_CXX11_ABI=[01]' "$torch_folder/share/cmake/Torch/TorchConfig.cmake" 2>/dev/null | head -n 1)"
    if [[ -n $abi ]]; then flags+=("$abi"); fi
    local -a link=("-L$torch_libraries" "-Wl,-rpath,$torch_libraries" -Wl,--no-as-needed)
    for library in torch torch_cpu c10 torch_cuda c10_cuda; do
        if [[ -e $torch_libraries/lib$library.so ]]; then link+=("-l$library"); fi
    done
    (set -x; "${CXX:-g++}" "${flags[@]}" "$here"/native/src/*.cpp -o "$work/native/libflowbp.so" "${link[@]}" -ldl)
}

# ---- the kernels under compute-sanitizer ----------------------------------------------------------------------------

# find_sanitizer: the CUDA toolkit's tool, or that of a Python installation; empty where there is none.
find_sanitizer() {
    local found
    sanitizer="$(command -v compute-sanitizer)" && return
    for found in /usr/local/cuda*/bin/compute-sanitizer /opt/*/bin/compute-sanitizer; do
        if [[ -x $found ]]; then sanitizer="$found"; return; fi
    done
    sanitizer=""
}

sanitized() {
    "$sanitizer" --tool "$1" --error-exitcode 3 "$app/FlowBP.Benchmarks" --gpu --check
}

# ---- the same alignment on both devices -----------------------------------------------------------------------------

# losses FILE: the loss of every step, one per line
losses() { sed -n 's/.*"loss": *\([-+.eE0-9]*\).*/\1/p' "$1"; }

align_on_both() {
    local where
    for where in cpu cuda; do
        rm -rf "$work/align-$where"
        "$app/flowbp" align --device "$where" --max_train_steps 3 --seed 7 --eval_prompts_limit 6 --eval_images_per_prompt 1 \
            --output_dir "$work/align-$where" || return 1
    done
    echo "losses of the CPU and of the GPU:"
    paste <(losses "$work/align-cpu/metrics.jsonl") <(losses "$work/align-cuda/metrics.jsonl") | tee "$work/losses"
    # As far apart as bf16 may carry them: 2 % of the loss or 0.002, whichever is more. Three steps each, or it is no comparison.
    awk '{ d = $1 - $2; if (d < 0) d = -d; m = $1 < 0 ? -$1 : $1; if (d > 0.02 * m && d > 0.002) bad = 1; if (NF == 2) n++ }
         END { exit bad || n != 3 }' "$work/losses"
}

# ---- an alignment step of a released model's size -------------------------------------------------------------------

# full_size MODEL FILE OPTIONS ...
full_size() { "$app/FlowBP.Benchmarks" --full-size "$1" --output "$out/$2" "${@:3}"; }

# where_it_fits COMMAND ...: exit code 3, the device's memory does not do, is no failure; the report says so.
where_it_fits() {
    local code=0
    "$@" || code=$?
    if [[ $code -eq 3 ]]; then return 0; fi
    return "$code"
}

# ---- everything ----------------------------------------------------------------------------------------------------

find_gpu
find_libtorch
printf 'commit %s, device: %s, driver: %s\n\n' "$FLOWBP_COMMIT" "${device:-none}" "${driver:-none}"

part native build_native
part doctor "$app/flowbp" doctor
if [[ -d $here/shared/goldens ]]; then
    part verify "$app/flowbp" verify "$here/shared/goldens" --device cpu
    gpu_part "verify on the GPU" "$app/flowbp" verify "$here/shared/goldens" --device cuda
else
    skip verify "the bundle was made without fixtures"
fi
gpu_part "three steps of an alignment on both devices" align_on_both
part "tests of FlowBP.Cuda" "$app/FlowBP.Cuda.Tests" --filter "FullyQualifiedName~Cuda"
part "tests of FlowBP.Torch that name CUDA" "$app/FlowBP.Torch.Tests" --filter "FullyQualifiedName~Cuda"
find_sanitizer
for tool in memcheck racecheck initcheck synccheck; do
    if [[ -n $sanitizer ]]; then
        gpu_part "compute-sanitizer $tool" sanitized "$tool"
    else
        skip "compute-sanitizer $tool" "compute-sanitizer is not found"
    fi
done
gpu_part "GPU benchmarks" "$app/FlowBP.Benchmarks" --gpu --output "$out/gpu.md"
gpu_part "full-size step" full_size sd35 full-size.md
gpu_part "full-size step with LoRA" where_it_fits full_size flux2 full-size-lora.md --lora_rank 16 --checkpointing blocks \
    --measured 1

write_results
rm -f "$parts" "$log"
printf '%d parts failed; all of it: %s\n' "$failed" "$results"
[[ $failed -eq 0 ]]
