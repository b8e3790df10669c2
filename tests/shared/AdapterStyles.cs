// How trainers write an adapter: the same factors under each one's names. Tests of files and of pictures share it.

namespace FlowBP.Tests;

/// <summary>A change of one original layer.</summary>
/// <param name="Original">The layer as the family's first code names it.</param>
/// <param name="Own">The network's layers that it is, in the order of its rows.</param>
/// <param name="Swapped">Whether the two halves of its rows change places.</param>
internal sealed record AdapterChange(string Original, string[] Own, bool Swapped = false)
{
    /// <summary>Paths that begin alike.</summary>
    public static string[] Parts(string start, params string[] ends) => [.. ends.Select(end => start + end)];
}

/// <summary>Names of a trainer.</summary>
/// <param name="Prefix">What stands before a layer.</param>
/// <param name="Separator">What stands between the parts of its path.</param>
/// <param name="IsOriginal">Whether layers have the original names, with queries, keys and values joined.</param>
/// <param name="A">Name of the first factor in its layer.</param>
/// <param name="B">Name of the second factor in its layer.</param>
internal sealed record AdapterStyle(string Prefix, char Separator, bool IsOriginal, string A, string B)
{
    /// <summary>PEFT's own folder, whose strengths lie in adapter_config.json.</summary>
    public static readonly AdapterStyle Peft = new("base_model.model.", '.', false, "lora_A.weight", "lora_B.weight");

    /// <summary>Every style that docs/files.md lists for all families, by name.</summary>
    public static readonly IReadOnlyDictionary<string, AdapterStyle> All = new Dictionary<string, AdapterStyle>
    {
        ["diffusers"] = new("transformer.", '.', false, "lora_A.weight", "lora_B.weight"),
        ["diffusers, old"] = new("transformer.", '.', false, "lora.down.weight", "lora.up.weight"),
        ["PEFT inside a model"] = Peft with { A = "lora_A.default.weight", B = "lora_B.default.weight" },
        ["sd-scripts"] = new("lora_unet_", '_', true, "lora_down.weight", "lora_up.weight"),
        ["OneTrainer"] = new("lora_transformer_", '_', false, "lora_down.weight", "lora_up.weight"),
        ["LyCORIS"] = new("lycoris_", '_', false, "lora_down.weight", "lora_up.weight"),
        ["ComfyUI"] = new("diffusion_model.", '.', true, "lora_down.weight", "lora_up.weight"),
        ["ComfyUI, whole"] = new("model.diffusion_model.", '.', true, "lora_down.weight", "lora_up.weight"),
        ["ai-toolkit"] = new("diffusion_model.", '.', true, "lora_A.weight", "lora_B.weight"),
        ["ai-toolkit, diffusers"] = new("diffusion_model.", '.', false, "lora_A.weight", "lora_B.weight"),
        ["fal"] = new("base_model.model.", '.', true, "lora_A.weight", "lora_B.weight"),
        ["Black Forest Labs"] = new("", '.', true, "lora_A.weight", "lora_B.weight"),
        ["no prefix"] = new("", '.', false, "lora_A.weight", "lora_B.weight"),
    };

    /// <summary>Rank and alpha of each change, no two of which are alike.</summary>
    /// <param name="changes">How many changes.</param>
    public static IEnumerable<(int Rank, double Alpha)> Sizes(int changes) =>
        Enumerable.Range(0, changes).Select(i => (1 + i % 4, 0.5 + i));

    /// <summary>The first factor of a change, [R, I].</summary>
    public static Tensor FirstFactor(int change, int rank, long inputs) => Waves(rank, inputs) * (0.3 + 0.05 * change);

    /// <summary>The second factor of a change, [O, R].</summary>
    public static Tensor SecondFactor(int change, long outputs, int rank) =>
        Waves(outputs, rank) * (0.2 + 0.05 * change);

    /// <summary>The tensors of a file; where it has diffusers' layers, each has its own rows and the first factor again.</summary>
    /// <param name="weights">The network's tensors, by name.</param>
    /// <param name="changes">What is changed.</param>
    /// <param name="withAlpha">Whether each layer's alpha is beside its factors.</param>
    public Dictionary<string, Tensor> Written(
        IReadOnlyDictionary<string, Tensor> weights,
        IReadOnlyList<AdapterChange> changes,
        bool withAlpha
    )
    {
        var tensors = new Dictionary<string, Tensor>();
        foreach (var (i, (change, (rank, alpha))) in changes.Zip(Sizes(changes.Count)).Index())
        {
            Tensor[] parts = [.. change.Own.Select(path => weights[$"{path}.weight"])];
            var a = FirstFactor(i, rank, parts[0].shape[1]);
            var b = SecondFactor(i, parts.Sum(part => part.shape[0]), rank);
            if (IsOriginal)
            {
                Put(change.Original, a, change.Swapped ? torch.cat([.. b.chunk(2, 0).Reverse()], 0) : b);
                continue;
            }
            long first = 0;
            foreach (var (path, part) in change.Own.Zip(parts))
            {
                Put(path, a, b.narrow(0, first, part.shape[0]));
                first += part.shape[0];
            }

            void Put(string layer, Tensor down, Tensor up)
            {
                var name = Prefix + layer.Replace('.', Separator);
                tensors[$"{name}.{A}"] = down;
                tensors[$"{name}.{B}"] = up.contiguous();
                if (withAlpha)
                {
                    tensors[$"{name}.alpha"] = torch.tensor((float)alpha);
                }
            }
        }
        return tensors;
    }

    // Values in [−1, 1] without structure, the same in every run.
    private static Tensor Waves(params long[] shape)
    {
        var count = shape.Aggregate(1L, (n, extent) => n * extent);
        float[] values = [.. Enumerable.Range(0, (int)count).Select(i => (float)Math.Sin(12.9898 * i + 0.5 * i * i))];
        return torch.tensor(values).reshape(shape);
    }
}
