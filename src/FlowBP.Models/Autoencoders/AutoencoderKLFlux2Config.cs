// FLUX.2's vae/config.json. Defaults are those of the ecosystem's class, which leaves out what equals them.

using System.Text.Json.Nodes;
using FlowBP.Formats;
using FlowBP.Models.Layers;

namespace FlowBP.Models.Autoencoders;

/// <summary>Sizes and options of an <see cref="AutoencoderKLFlux2"/>, with the meaning of diffusers' config.json.</summary>
public sealed record AutoencoderKLFlux2Config
{
    private static readonly string[] s_withoutLatent = ["scaling_factor", "shift_factor"];

    /// <summary>Encoder and decoder; scaling and shift of the latents do not apply.</summary>
    public AutoencoderKLConfig Towers { get; init; } =
        new()
        {
            BlockOutChannels = [128, 256, 512, 512],
            LayersPerBlock = 2,
            LatentChannels = 32,
            SampleSize = 1024,
        };

    /// <summary>Channels per resolution of the decoder, where they are not the encoder's; finest first.</summary>
    public IReadOnlyList<int>? DecoderBlockOutChannels { get; init; }

    /// <summary>Added to the latents' variance.</summary>
    public double BatchNormEps { get; init; } = 1e-4;

    /// <summary>Sizes of the decoder.</summary>
    internal AutoencoderKLConfig DecoderTower =>
        DecoderBlockOutChannels is null ? Towers : Towers with { BlockOutChannels = DecoderBlockOutChannels };

    /// <summary>
    /// Numbers that the network has at least, in integers that no size overflows: what is known of it before anything is built.
    /// </summary>
    internal Int128 LeastElements =>
        Towers.LeastElements
        + (DecoderBlockOutChannels ?? []).Aggregate(
            Int128.Zero,
            (sum, channels) => sum + StoredNetwork.Product(Towers.LayersPerBlock, 9, channels, channels)
        ) / 2;

    /// <summary>Reads a config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static AutoencoderKLFlux2Config Read(string file) => Read(ConfigReader.Open(file));

    /// <summary>Reads an opened config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static AutoencoderKLFlux2Config Read(ConfigReader json)
    {
        json.RequireClass(nameof(AutoencoderKLFlux2));
        var defaults = new AutoencoderKLFlux2Config();
        var config = new AutoencoderKLFlux2Config
        {
            Towers = AutoencoderKLConfig.ReadTowers(json, defaults.Towers, s_withoutLatent),
            DecoderBlockOutChannels = json.Has("decoder_block_out_channels")
                ? json.Ints("decoder_block_out_channels")
                : null,
            BatchNormEps = json.Double("batch_norm_eps", defaults.BatchNormEps),
        };
        json.Require("patch_size", "[2,2]");
        // The momentum concerns training the autoencoder; the key of the absent decoder channels is known either way.
        json.Ignore("batch_norm_momentum", "decoder_block_out_channels");
        json.RefuseUnknown();
        config.Towers.Check(json.File);
        config.DecoderTower.Check(json.File);
        if (config.DecoderTower.SpatialCompression != config.Towers.SpatialCompression)
        {
            throw CheckpointException.ForFile(
                json.File,
                $"key 'decoder_block_out_channels': found {config.DecoderTower.BlockOutChannels.Count} resolutions, "
                    + $"expected {config.Towers.BlockOutChannels.Count} like block_out_channels"
            );
        }
        return config;
    }

    /// <summary>The content of a config.json that <see cref="Read(string)"/> and diffusers understand.</summary>
    public string ToJson()
    {
        var json = Towers.ToJsonObject(
            ("_class_name", nameof(AutoencoderKLFlux2)),
            ("batch_norm_eps", BatchNormEps),
            (
                "decoder_block_out_channels",
                DecoderBlockOutChannels is null
                    ? null
                    : new JsonArray([.. DecoderBlockOutChannels.Select(c => (JsonNode)c)])
            ),
            ("patch_size", new JsonArray(2, 2))
        );
        foreach (var key in s_withoutLatent)
        {
            json.Remove(key);
        }
        return json.ToConfigText();
    }
}
