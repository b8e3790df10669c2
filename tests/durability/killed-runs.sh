#!/usr/bin/env bash
#
# Kills alignments of three steps at random moments from start to end, and looks at what is left.
#
#   tests/durability/killed-runs.sh [COUNT]          60 moments by default, SIGKILL, SIGTERM, SIGINT, SIGHUP in turn
#
# A complete run lies in the folder, and every killed run is to replace it (--overwrite true). After each: a
# complete state is there, either the previous one or the new; a run that recorded its last step has stored its weights; one that was
# asked to stop after a step has stored what it had, and said where; SIGTERM leaves a checkpoint. At the end a rerun works. SEED makes the moments repeat.

set -uo pipefail

root="$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)"
program=(dotnet "${PROGRAM:-$root/src/FlowBP.Cli/bin/${TorchProvider:-TorchSharp}/Release/net10.0/flowbp.dll}")
count="${1:-60}"
RANDOM="${SEED:-7}"
place="$(mktemp -d "${TMPDIR:-/tmp}/flowbp-killed.XXXXXX")"
trap 'rm -rf "$place"' EXIT
export OMP_WAIT_POLICY=passive DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1

run=(align --method flowbp-sparse --num_active_steps 2 --rollout_steps 4 --sampling_steps 3 --train_batch_size 2
    --max_train_steps 3 --eval_prompts_limit 4 --eval_images_per_prompt 1 --device cpu --output_dir "$place/run")
weights=transformer/diffusion_pytorch_model.safetensors
steps() { if [[ -e $1/metrics.jsonl ]]; then wc -l <"$1/metrics.jsonl"; else echo 0; fi; }
# A file is whole where its length is what its header says.
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
wrong() { printf 'moment %s (%s ms, %s): %s\n' "$i" "$moment" "$signal" "$1" >&2; failed=$((failed + 1)); }

started=$(date +%s%N)
"${program[@]}" "${run[@]}" >"$place/log" 2>&1 || { cat "$place/log" >&2; exit 1; }
lasts=$((($(date +%s%N) - started) / 1000000))
signals=(KILL TERM INT HUP)
for ((i = 1; i <= count; i++)); do
    # The process is started so that SIGINT is not ignored, as it would be in the background of a script.
    moment=$(((RANDOM * 32768 + RANDOM) % (lasts * 11 / 10))) signal=${signals[i % 4]}
    env --default-signal=INT,HUP "${program[@]}" "${run[@]}" --overwrite true >"$place/log" 2>&1 &
    process=$!
    sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
    kill -"$signal" "$process" 2>/dev/null
    wait "$process" 2>/dev/null
    code=$?
    last="$(tr '\r' '\n' <"$place/log" | tail -n 1)"

    # The new run with weights, or the earlier one: under its own name, aside until the new one has stored weights, or on its way there.
    state=none
    for folder in "$place/run" "$place/run.replaced" "$place/run.unfinished"; do
        for stored in "$folder/model" "$folder"/checkpoints/*; do
            if whole "$stored/$weights"; then state="$stored"; fi
        done
    done
    [[ $state != none ]] || wrong "neither the previous state nor a complete one is there: $last"
    if [[ "$(steps "$place/run")" -eq 3 ]]; then
        whole "$place/run/model/$weights" || wrong "three steps are recorded, and their weights are not there"
    fi
    stopped="$(sed -n -e 's/.*(the weights after .* are in \(.*\))$/\1/p' -e 's/.*latest goes on from \(.*\)$/\1/p' <<<"$last")"
    if [[ -n $stopped ]]; then
        expected=130
        [[ $signal == TERM ]] && expected=75
        [[ $code -eq $expected ]] || wrong "exit code $code: $last"
        whole "$stopped/$weights" || wrong "the weights are not where they are said to be: $last"
    fi
    printf '%s ms, %s: exit %s, %s\n' "$moment" "$signal" "$code" "${state#"$place/"}"
done
i=last moment=- signal=-
"${program[@]}" "${run[@]}" --overwrite true >"$place/log" 2>&1 || wrong "a rerun fails: $(tail -n 1 "$place/log")"
whole "$place/run/model/$weights" || wrong "a rerun leaves no weights"
[[ "$(find "$place" -mindepth 1 -maxdepth 1 | grep -cvE '/(run|log)$')" -eq 0 ]] || wrong "left: $(ls -A "$place" | tr '\n' ' ')"
printf '%s moments, %s wrong\n' "$count" "$failed"
[[ $failed -eq 0 ]]
