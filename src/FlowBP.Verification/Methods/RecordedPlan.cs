// Turns the settings and indices of a recorded training step into a plan, by the production planners. Recordings of
// different origin name the same things differently; the names are gathered here.

using System.Text.Json;
using FlowBP.Settings;
using FlowBP.Surrogates;

namespace FlowBP.Verification.Methods;

/// <summary>Plans of recorded training steps.</summary>
public static class RecordedPlan
{
    // Settings of a recorded run that are about the run and not the method.
    private static readonly string[] RunKeys =
    [
        "trainer",
        "rollout_steps",
        "sampling_steps",
        "current_train_step",
        "h",
        "w",
        "use_hpsv2",
        "loss_relu_clip",
        "loss_grad_scale",
        "gradient_accumulation_steps",
        "max_grad_norm",
        "cfg_guidance",
        "cfg_detach_neg",
        "cfg_grad_norm_compensate",
    ];

    private static readonly Dictionary<string, string[]> IndexNames = new()
    {
        ["k"] = ["k", "k_idx"],
        ["j"] = ["j", "j_idx"],
        ["s"] = ["s", "final_idx", "selected_idx", "early_stop_idx"],
        ["active"] = ["active", "selected_indices"],
        ["active_pre"] = ["active_pre", "pre_active_indices"],
        ["active_post"] = ["active_post", "post_active_indices"],
        ["train_indices"] = ["train_indices"],
        ["gamma"] = ["gamma", "grad_rescale_factor"],
        ["num_noised"] = ["num_noised", "num_noised_samples"],
    };

    /// <summary>The plan of a recorded step.</summary>
    /// <param name="schedule">The recorded schedule.</param>
    /// <param name="method">The method's name; underscores are as good as hyphens.</param>
    /// <param name="hyper">The recorded settings: an object.</param>
    /// <param name="indices">The recorded indices: an object.</param>
    /// <exception cref="UnknownNameException">The method or a setting is unknown.</exception>
    /// <exception cref="KeyNotFoundException">An index that the method needs isn't recorded.</exception>
    public static SurrogatePlan Of(NoiseSchedule schedule, string method, JsonElement hyper, JsonElement indices)
    {
        var definition = MethodRegistry.Get(method.Replace('_', '-'));
        return definition.Create(Settings(definition, hyper)) switch
        {
            ReFLPlanner planner => planner.FromIndices(schedule, Index(indices, "s")),
            DRaFTLVPlanner planner => planner.FromIndices(schedule, Index(indices, "s")),
            DRTunePlanner planner => planner.FromIndices(
                schedule,
                Index(indices, "s"),
                Integers(Find(indices, "train_indices"))
            ),
            LeapAlignPlanner planner => planner.FromIndices(schedule, Index(indices, "k"), Index(indices, "j")),
            SparsePlanner planner => planner.FromIndices(schedule, Integers(Find(indices, "active"))),
            BridgePlanner planner => planner.FromIndices(
                schedule,
                Index(indices, "j"),
                Integers(Find(indices, "active_pre")),
                Integers(Find(indices, "active_post"))
            ),
            LagrangePlanner planner => planner.FromIndices(schedule, Index(indices, "k"), Index(indices, "j")),
            var planner => throw new NotSupportedException($"no recorded form of method {planner.Name} is known"),
        };
    }

    /// <summary>A recorded index or factor under any of its names; false where it isn't recorded.</summary>
    internal static bool TryFind(JsonElement indices, string name, out JsonElement found)
    {
        foreach (var candidate in IndexNames.GetValueOrDefault(name) ?? [name])
        {
            if (indices.TryGetProperty(candidate, out found))
            {
                return true;
            }
        }
        found = default;
        return false;
    }

    /// <summary>An array of integers, or a single one.</summary>
    internal static int[] Integers(JsonElement element) =>
        element.ValueKind == JsonValueKind.Array
            ? [.. element.EnumerateArray().Select(item => item.GetInt32())]
            : [element.GetInt32()];

    // The recorded settings that are this method's. Recordings carry some of the other methods' too; a name that is
    // nobody's is refused rather than ignored.
    private static Dictionary<string, string> Settings(MethodDefinition method, JsonElement hyper)
    {
        Setting[] all = [.. MethodRegistry.All.SelectMany(definition => definition.Settings)];
        Dictionary<string, string> given = [];
        foreach (var key in hyper.EnumerateObject())
        {
            if (method.Settings.Any(setting => setting.Answers(key.Name)))
            {
                var isText = key.Value.ValueKind == JsonValueKind.String;
                given[key.Name] = isText ? key.Value.GetString()! : key.Value.GetRawText();
            }
            else if (!RunKeys.Contains(key.Name) && !all.Any(setting => setting.Answers(key.Name)))
            {
                throw new UnknownNameException(
                    "setting",
                    key.Name,
                    all.Select(setting => setting.Name).Concat(RunKeys).Distinct(),
                    " of the recording"
                );
            }
        }
        return AsReleased(method, given);
    }

    // Where our default or our behaviour follows the paper, a recording follows the released code (docs/methods.md §6).
    private static Dictionary<string, string> AsReleased(MethodDefinition method, Dictionary<string, string> given)
    {
        Dictionary<string, string> released = new()
        {
            ["drtune_tweedie_always_active"] = "false",
            ["jk_dirichlet_max_j_rev"] = "none",
        };
        foreach (var (name, value) in released)
        {
            if (method.Settings.Any(setting => setting.Name == name))
            {
                given.TryAdd(name, value);
            }
        }
        // Released LeapAlign measures the end after pinning it, so this filter never leaves anything out.
        if (method.Name == "leapalign")
        {
            given.Remove("traj_filter_d0_max");
        }
        return given;
    }

    private static JsonElement Find(JsonElement indices, string name) =>
        TryFind(indices, name, out var found)
            ? found
            : throw new KeyNotFoundException(
                $"the recording has no index '{name}' (looked for {string.Join(", ", IndexNames[name])})"
            );

    private static int Index(JsonElement indices, string name) => Find(indices, name).GetInt32();
}
