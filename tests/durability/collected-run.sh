#!/usr/bin/env bash
#
# Trains under constant garbage collection, and looks whether anything was freed too early or never.
#
#   tests/durability/collected-run.sh [STEPS [OPTION ...]]      200 steps by default, and options of `align`
#
# A thread collects and finalises all the time, and the runtime collects every 64 KiB (the smallest budget that it takes). The run
# must end well, its gradients must be those of a run that is left alone, and the number of live tensors must be the same from step to
# step. MOST_SECONDS stops both runs early.

set -euo pipefail

root="$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)"
provider="${TorchProvider:-TorchSharp}"
program=(dotnet "${PROGRAM:-$root/src/FlowBP.Cli/bin/$provider/Release/net10.0/flowbp.dll}")
hook="$root/tests/FlowBP.Collecting/bin/$provider/Release/net10.0/FlowBP.Collecting.dll"
steps="${1:-200}"
place="$(mktemp -d "${TMPDIR:-/tmp}/flowbp-collected.XXXXXX")"
trap 'rm -rf "$place"' EXIT
export OMP_WAIT_POLICY=passive

run=(align --method flowbp-sparse --max_train_steps "$steps" --eval_prompts_limit 4 --eval_images_per_prompt 1
    --device cpu --seed 42 "${@:2}")

# train NAME [VARIABLE=VALUE ...]
train() {
    local started=$SECONDS code=0
    env "${@:2}" timeout --foreground --signal=INT "${MOST_SECONDS:-36000}" \
        "${program[@]}" "${run[@]}" --output_dir "$place/$1" >"$place/$1.log" 2>&1 || code=$?
    printf '%s: %s steps in %s s, exit code %s\n' \
        "$1" "$(wc -l <"$place/$1/metrics.jsonl")" "$((SECONDS - started))" "$code"
    # 124: stopped by the clock, which is none of the run's doing.
    [[ $code -eq 0 || $code -eq 124 ]] || { tail -n 20 "$place/$1.log" >&2; exit 1; }
}

train alone
train collected DOTNET_STARTUP_HOOKS="$hook" DOTNET_GCgen0size=0x10000

python3 - "$place" <<'PY'
import json, sys
read = lambda name: [json.loads(line) for line in open(f"{sys.argv[1]}/{name}/metrics.jsonl")]
alone, collected = read("alone"), read("collected")
both = list(zip(alone, collected))
worst = max(abs(a["grad_norm"] - b["grad_norm"]) / max(a["grad_norm"], 1e-9) for a, b in both)
live = [step["live_tensors"] for step in collected]
print(f"{len(both)} steps of both: largest relative difference of a gradient's norm {worst:.1e}")
print(f"live tensors: {live[1]} at step 2, {live[-1]} at step {len(live)}, at most {max(live[1:])}")
if worst > 1e-6 or max(live[1:]) != live[1]:
    sys.exit("wrong: the runs differ, or tensors are kept")
PY
