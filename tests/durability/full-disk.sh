#!/usr/bin/env bash
#
# Fills the disk of an alignment at different moments, and looks at what is left. It mounts a file system of 40 MB: as root.
#
#   tests/durability/full-disk.sh [COUNT]            20 moments by default
#
# A loop device with ext4 where one can be had, else a tmpfs of that size. After each: a run that recorded its last step, or that
# failed after a step, has stored its weights whole, where its last line says; and a rerun on the freed disk works.

set -uo pipefail

root="$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)"
program=(dotnet "${PROGRAM:-$root/src/FlowBP.Cli/bin/${TorchProvider:-TorchSharp}/Release/net10.0/flowbp.dll}")
count="${1:-20}"
place="$(mktemp -d "${TMPDIR:-/tmp}/flowbp-full.XXXXXX")"
disk="$place/disk"
mkdir "$disk" "$place/tmp"
trap 'umount "$disk" 2>/dev/null; rm -rf "$place"' EXIT
export OMP_WAIT_POLICY=passive DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
export TMPDIR="$place/tmp"

mount_disk() {
    umount "$disk" 2>/dev/null
    truncate -s 40M "$place/image"
    if mkfs.ext4 -q -F "$place/image" 2>/dev/null && mount -o loop "$place/image" "$disk" 2>/dev/null; then
        kind="loop device, ext4"
    else
        mount -t tmpfs -o size=40M none "$disk" || { echo "no file system can be mounted here" >&2; exit 77; }
        kind=tmpfs
    fi
}

run=(align --method flowbp-sparse --num_active_steps 2 --rollout_steps 4 --sampling_steps 3 --train_batch_size 2
    --max_train_steps 3 --eval_prompts_limit 4 --eval_images_per_prompt 1 --device cpu --output_dir "$disk/run")
weights=transformer/diffusion_pytorch_model.safetensors
whole() {
    [[ -e $1 ]] && python3 - "$1" <<'PY'
import json, os, struct, sys
with open(sys.argv[1], "rb") as file:
    length = struct.unpack("<Q", file.read(8))[0]
    header = json.loads(file.read(length))
end = max(entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")
sys.exit(os.path.getsize(sys.argv[1]) != 8 + length + end)
PY
}
failed=0
wrong() { printf 'moment %s (%s ms): %s\n' "$i" "$moment" "$1" >&2; failed=$((failed + 1)); }

mount_disk
started=$(date +%s%N)
"${program[@]}" "${run[@]}" >"$place/log" 2>&1 || { cat "$place/log" >&2; exit 1; }
lasts=$((($(date +%s%N) - started) / 1000000))
for ((i = 1; i <= count; i++)); do
    mount_disk
    moment=$((lasts * i / count))
    "${program[@]}" "${run[@]}" >"$place/log" 2>&1 &
    process=$!
    sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
    dd if=/dev/zero of="$disk/filler" bs=64k 2>/dev/null
    wait "$process"
    code=$?
    last="$(tr '\r' '\n' <"$place/log" | tail -n 1)"
    taken=0
    [[ -e $disk/run/metrics.jsonl ]] && taken="$(wc -l <"$disk/run/metrics.jsonl")"
    stored="$(sed -n 's/.*(the weights after .* are in \(.*\))$/\1/p' <<<"$last")"
    if [[ $taken -eq 3 ]]; then
        whole "$disk/run/model/$weights" || wrong "three steps are recorded, and their weights are not there: $last"
    elif [[ $taken -gt 0 ]]; then
        { [[ -n $stored ]] && whole "$stored/$weights"; } || wrong "what was trained is not there: $last"
    fi
    printf 'moment %s: exit %s after %s steps: %s\n' "$i" "$code" "$taken" "$last"
    rm -f "$disk/filler"
    if [[ $((i % 5)) -eq 0 ]]; then
        "${program[@]}" "${run[@]}" --overwrite true >"$place/log" 2>&1 || wrong "a rerun fails: $(tail -n 1 "$place/log")"
    fi
done
printf '%s moments on a %s, %s wrong\n' "$count" "$kind" "$failed"
[[ $failed -eq 0 ]]
