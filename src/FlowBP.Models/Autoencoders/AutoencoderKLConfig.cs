// The autoencoder's vae/config.json. Defaults are those of the ecosystem's class, which leaves out what equals them.

using System.Text.Json.Nodes;
using FlowBP.Formats;
using FlowBP.Models.Layers;

namespace FlowBP.Models.Autoencoders;

/// <summary>Sizes and options of an <see cref="AutoencoderKL"/>, with the meaning of diffusers' config.json.</summary>
public sealed record AutoencoderKLConfig
{
    // Each halves the picture: no picture has more.
    private const int MostLevels = 12;

    /// <summary>Colour channels of the encoder's input.</summary>
    public int InChannels { get; init; } = 3;

    /// <summary>Colour channels of the decoder's output.</summary>
    public int OutChannels { get; init; } = 3;

    /// <summary>Channels per resolution, finest first; each further entry halves the resolution.</summary>
    public IReadOnlyList<int> BlockOutChannels { get; init; } = [64];

    /// <summary>Residual blocks per resolution in the encoder; the decoder has one more.</summary>
    public int LayersPerBlock { get; init; } = 1;

    /// <summary>Channels of the latent.</summary>
    public int LatentChannels { get; init; } = 4;

    /// <summary>Groups of every group normalisation.</summary>
    public int NormNumGroups { get; init; } = 32;

    /// <summary>Pixels per side that the model was made for.</summary>
    public int SampleSize { get; init; } = 32;

    /// <summary>Whether a self-attention layer sits at the lowest resolution.</summary>
    public bool MidBlockAddAttention { get; init; } = true;

    /// <summary>Whether a 1×1 convolution follows the encoder.</summary>
    public bool UseQuantConv { get; init; } = true;

    /// <summary>Whether a 1×1 convolution precedes the decoder.</summary>
    public bool UsePostQuantConv { get; init; } = true;

    /// <summary>The latents that a diffusion model sees are <c>(z − shift) · scale</c>.</summary>
    public double ScalingFactor { get; init; } = 0.18215;

    /// <summary>See <see cref="ScalingFactor"/>; zero where the file says null.</summary>
    public double ShiftFactor { get; init; }

    /// <summary>Pixels per latent element along each side.</summary>
    public int SpatialCompression => 1 << (BlockOutChannels.Count - 1);

    /// <summary>
    /// Numbers that the network has at least, in integers that no size overflows: what is known of it before anything is built.
    /// </summary>
    internal Int128 LeastElements =>
        BlockOutChannels.Aggregate(
            Int128.Zero,
            (sum, channels) => sum + StoredNetwork.Product(2 * (Int128)LayersPerBlock, 9, channels, channels)
        )
        + StoredNetwork.Product(9, (Int128)InChannels + OutChannels, BlockOutChannels.FirstOrDefault())
        + StoredNetwork.Product(9, LatentChannels, BlockOutChannels.LastOrDefault());

    /// <summary>Reads a config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static AutoencoderKLConfig Read(string file) => Read(ConfigReader.Open(file));

    /// <summary>Reads an opened config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static AutoencoderKLConfig Read(ConfigReader json)
    {
        json.RequireClass(nameof(AutoencoderKL));
        var config = ReadTowers(json, new());
        json.Require("latents_mean", "null");
        json.Require("latents_std", "null");
        json.RefuseUnknown();
        config.Check(json.File);
        return config;
    }

    /// <summary>Reads the keys of encoder and decoder, which autoencoders with another latent have too.</summary>
    /// <param name="json">The object.</param>
    /// <param name="config">A new configuration with the defaults.</param>
    /// <param name="without">Keys that do not apply.</param>
    internal static AutoencoderKLConfig ReadTowers(
        ConfigReader json,
        AutoencoderKLConfig config,
        params ReadOnlySpan<string> without
    )
    {
        json.Fill(config, without);
        RequireBlocks(json, "down_block_types", "DownEncoderBlock2D", config.BlockOutChannels.Count);
        RequireBlocks(json, "up_block_types", "UpDecoderBlock2D", config.BlockOutChannels.Count);
        json.Require("act_fn", "\"silu\"");
        // force_upcast concerns half precision only: the autoencoder here computes in the type of its weights.
        json.Ignore("force_upcast");
        return config;
    }

    /// <summary>The content of a config.json that <see cref="Read(string)"/> and diffusers understand.</summary>
    public string ToJson() => ToJsonObject(("_class_name", nameof(AutoencoderKL))).ToConfigText();

    /// <summary>All keys, and others.</summary>
    internal JsonObject ToJsonObject(params ReadOnlySpan<(string Key, JsonNode? Value)> others) =>
        ConfigRecord.ToJsonObject(
            this,
            [
                ("act_fn", "silu"),
                ("down_block_types", Repeat("DownEncoderBlock2D")),
                ("force_upcast", true),
                ("up_block_types", Repeat("UpDecoderBlock2D")),
                .. others,
            ]
        );

    private JsonArray Repeat(string block) =>
        [.. Enumerable.Repeat(block, BlockOutChannels.Count).Select(b => (JsonNode)b)];

    private static void RequireBlocks(ConfigReader json, string key, string block, int count)
    {
        var found = json.Texts(key, [.. Enumerable.Repeat(block, count)]);
        if (found.Count != count || found.Any(b => b != block))
        {
            var list = string.Join(", ", found);
            throw CheckpointException.ForFile(json.File, $"key '{key}': found [{list}], expected {count} × {block}");
        }
    }

    /// <summary>Refuses channels that the norms can't divide.</summary>
    internal void Check(string file)
    {
        if (BlockOutChannels.Count is 0 or > MostLevels)
        {
            throw CheckpointException.ForFile(
                file,
                $"key 'block_out_channels': found {(BlockOutChannels.Count == 0 ? "[]" : $"{BlockOutChannels.Count} entries")}, expected at least one entry"
                    + $" and at most {MostLevels}"
            );
        }
        foreach (var channels in BlockOutChannels)
        {
            if (NormNumGroups <= 0 || channels <= 0 || channels % NormNumGroups != 0)
            {
                throw CheckpointException.ForFile(
                    file,
                    $"key 'block_out_channels': found {channels}, expected a multiple of norm_num_groups {NormNumGroups}"
                );
            }
        }
    }
}
