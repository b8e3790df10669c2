// The decoder as the reward's gradient runs it: frozen weights, and every normalisation, activation and convolution keeps its
// input. At full resolution that is the largest graph of a step.

using FlowBP.Models.Autoencoders;

namespace FlowBP.Families.Tracing;

/// <summary>A convolutional decoder on paper.</summary>
/// <param name="config">Its sizes.</param>
internal sealed class TracedDecoder(AutoencoderKLConfig config)
{
    /// <summary>Pixels per latent element along each side.</summary>
    public int Compression => config.SpatialCompression;

    /// <summary>Channels of a latent.</summary>
    public int LatentChannels => config.LatentChannels;

    /// <summary>Pixels in [0, 1] from scaled latents.</summary>
    /// <param name="trace">The computation.</param>
    /// <param name="latents">Latents [B, C, Y, X].</param>
    /// <param name="recomputes">Whether residual blocks are run again in the backward.</param>
    public TracedTensor Pixels(OperationTrace trace, TracedTensor latents, bool recomputes)
    {
        trace.BeginScope();
        trace.BeginScope();
        var unscaled = trace.Scale(trace.Scale(latents));
        var channels = config.BlockOutChannels[^1];
        var h = config.UsePostQuantConv
            ? trace.Convolution(unscaled, config.LatentChannels, config.LatentChannels, 1)
            : unscaled;
        h = trace.Convolution(h, config.LatentChannels, channels, 3);
        h = Block(h, channels, channels);
        h = config.MidBlockAddAttention ? Attention(trace, h, channels) : h;
        h = Block(h, channels, channels);
        for (var level = config.BlockOutChannels.Count - 1; level >= 0; level--)
        {
            var outputs = config.BlockOutChannels[level];
            for (var layer = 0; layer <= config.LayersPerBlock; layer++)
            {
                h = Block(h, channels, outputs);
                channels = outputs;
            }
            if (level > 0)
            {
                trace.BeginScope();
                h = trace.Convolution(trace.Upsample(h), channels, channels, 3);
                trace.EndScope(h);
            }
        }
        h = trace.Convolution(trace.Activation(trace.GroupNorm(h, channels)), channels, config.OutChannels, 3);
        trace.EndScope(h);
        var pixels = trace.Clamp(trace.Scale(trace.Scale(h)));
        trace.EndScope(pixels);
        return pixels;

        TracedTensor Block(TracedTensor x, int inputs, int outputs) =>
            recomputes
                ? trace.Recomputed(x, (inner, argument) => Resnet(inner, argument, inputs, outputs))
                : Resnet(trace, x, inputs, outputs);
    }

    private static TracedTensor Resnet(OperationTrace trace, TracedTensor x, int inputs, int outputs)
    {
        trace.BeginScope();
        var h = trace.Convolution(trace.Activation(trace.GroupNorm(x, inputs)), inputs, outputs, 3);
        h = trace.Convolution(trace.Activation(trace.GroupNorm(h, outputs)), outputs, outputs, 3);
        var sum = trace.Add(inputs == outputs ? x : trace.Convolution(x, inputs, outputs, 1), h);
        trace.EndScope(sum);
        return sum;
    }

    private static TracedTensor Attention(OperationTrace trace, TracedTensor x, int channels)
    {
        trace.BeginScope();
        // Positions become rows: every projection copies them into that order.
        var h = trace.GroupNorm(x, channels);
        var q = trace.Linear(h, channels, channels, strided: true);
        var k = trace.Linear(h, channels, channels, strided: true);
        var v = trace.Linear(h, channels, channels, strided: true);
        // One head per image.
        var images = trace.Images;
        var attended = trace.Attention(q, k, v, images, channels);
        var sum = trace.Add(x, trace.Copy(trace.Linear(attended, channels, channels)));
        trace.EndScope(sum);
        return sum;
    }
}
