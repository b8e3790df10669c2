// One block on paper and the same block in memory: what autograd keeps after its forward, counted on both sides.

using FlowBP.Families.SD3;
using FlowBP.Families.Tracing;

namespace FlowBP.Training.Tests;

/// <summary>A traced block keeps what a real one keeps.</summary>
[NonParallelizable]
public class TracedBlockTests
{
    private const int Batch = 16;
    private const int ImageTokens = 64;
    private const int TextTokens = 16;
    private const int Width = 128;

    // What exactly is kept differs between releases of libtorch by less; of the one this was written with it is equal to the byte.
    private const double Tolerance = 10;

    [TestCase(false, false)]
    [TestCase(true, false)]
    [TestCase(true, true)]
    public void A_joint_block(bool qkNorm, bool dual)
    {
        var config = new SD3TransformerConfig
        {
            NumLayers = 2,
            AttentionHeadDim = 32,
            NumAttentionHeads = Width / 32,
            PosEmbedMaxSize = 8,
            QkNorm = qkNorm,
            DualAttentionLayers = dual ? [0] : [],
        };
        using var scope = torch.NewDisposeScope();
        using var transformer = new SD3Transformer2DModel(config);
        var image_BLD = torch.ones(Batch, ImageTokens, Width).requires_grad_();
        var text_BMD = torch.ones(Batch, TextTokens, Width).requires_grad_();
        var condition_BD = torch.ones(Batch, Width).requires_grad_();

        GC.Collect();
        GC.WaitForPendingFinalizers();
        CountedMemory.ResetPeak();
        var before = CountedMemory.CurrentBytes;
        var streams = transformer.Blocks[0].call(new SD3Streams(image_BLD, text_BMD), condition_BD);
        var kept = CountedMemory.CurrentBytes - before;
        var peak = CountedMemory.PeakBytes - before;

        var trace = new OperationTrace(new TraceOptions { FusedAttention = OperatorSupport.FusedAttention });
        new TracedSD3Transformer(config).Block(
            trace,
            new TransformerInput(Batch, ImageTokens, TextTokens),
            0,
            new TracedStreams(
                trace.Given(Batch * ImageTokens * Width, true),
                trace.Given(Batch * TextTokens * Width, true),
                trace.Given(Batch * Width, true)
            )
        );

        TestContext.Out.WriteLine(
            $"kept {kept:N0}, traced {trace.LiveBytes:N0}; peak {peak:N0}, traced {trace.PeakBytes:N0}"
        );
        Assert.That((double)trace.LiveBytes, Is.EqualTo((double)kept).Within(Tolerance).Percent, "kept");
        Assert.That((double)trace.PeakBytes, Is.EqualTo((double)peak).Within(Tolerance).Percent, "peak of the forward");
        GC.KeepAlive(streams);
    }
}
