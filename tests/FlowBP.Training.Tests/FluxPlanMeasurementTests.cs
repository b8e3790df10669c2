// The traced transformers of FLUX against bytes that the allocator counted on small ones: evaluation and pullback, in every mode.
// Shape legend: B batch, M text tokens, E text width, P pooled width, C channels, Y X latent elements.

using FlowBP.Families.Flux1;
using FlowBP.Families.Flux2;
using FlowBP.Families.Networks;
using FlowBP.Families.Tracing;
using FlowBP.Models.Autoencoders;
using FlowBP.Surrogates;
using FlowBP.Training.Planning;

namespace FlowBP.Training.Tests;

/// <summary>Predictions for FLUX's blocks are within ten percent of what is measured.</summary>
[NonParallelizable]
public class FluxPlanMeasurementTests
{
    private const double Tolerance = 10;
    private const int Batch = 8;
    private const int Side = 16;
    private const int TextTokens = 32;
    private const int TextWidth = 64;
    private const int PooledWidth = 32;

    private static readonly FluxTransformerConfig s_flux = new()
    {
        NumLayers = 2,
        NumSingleLayers = 2,
        AttentionHeadDim = 32,
        NumAttentionHeads = 4,
        JointAttentionDim = TextWidth,
        PooledProjectionDim = PooledWidth,
        GuidanceEmbeds = true,
        AxesDimsRope = [8, 12, 12],
    };

    private static readonly Flux2TransformerConfig s_flux2 = new()
    {
        InChannels = 64,
        OutChannels = 64,
        NumLayers = 2,
        NumSingleLayers = 2,
        AttentionHeadDim = 32,
        NumAttentionHeads = 4,
        JointAttentionDim = TextWidth,
        GuidanceEmbeds = false,
        AxesDimsRope = [8, 8, 8, 8],
    };

    [TestCase("none")]
    [TestCase("blocks")]
    [TestCase("2")]
    public void Flux1(string checkpointing)
    {
        using var scope = torch.NewDisposeScope();
        using var transformer = new FluxTransformer2DModel(s_flux);
        var field = Fields.Blockwise(transformer, GradientCheckpointing.Parse(checkpointing), guidance: 4);
        var conditioning = FlowTransformer.Condition(
            torch.ones(Batch, TextTokens, TextWidth),
            torch.ones(Batch, PooledWidth)
        );
        Compare(field, conditioning, torch.ones(Batch, 16, Side, Side), transformer, checkpointing);
    }

    [TestCase("none")]
    [TestCase("blocks")]
    [TestCase("2")]
    public void Flux2(string checkpointing)
    {
        using var scope = torch.NewDisposeScope();
        using var transformer = new Flux2Transformer2DModel(s_flux2);
        var field = Fields.Blockwise(transformer, GradientCheckpointing.Parse(checkpointing));
        var conditioning = FlowTransformer.Condition(torch.ones(Batch, TextTokens, TextWidth));
        // Its latents are patches already.
        var x_BCYX = torch.ones(Batch, s_flux2.InChannels, Side / 2, Side / 2);
        Compare(field, conditioning, x_BCYX, transformer, checkpointing);
    }

    private static void Compare(
        BlockwiseVelocityField field,
        Conditioning conditioning,
        Tensor x_BCYX,
        FlowTransformer traced,
        string checkpointing
    )
    {
        var activations = new ActivationModel(Request(traced, checkpointing));
        var sigma_B = torch.full([Batch], 0.5);
        var cotangent_BCYX = torch.ones_like(x_BCYX);
        Check("evaluation", Peak(() => field.Evaluate(x_BCYX, sigma_B, conditioning)), activations.RolloutBytes(Batch));
        // The first product makes the gradients of the weights; the second adds to them.
        Tensor? Pull() => field.Vjp(x_BCYX, sigma_B, conditioning, cotangent_BCYX, wantInputGradient: true);
        Pull()?.Dispose();
        Check("pullback", Peak(Pull), activations.Pullback(Batch).PeakBytes);
    }

    private static PlanRequest Request(FlowTransformer traced, string checkpointing) =>
        new()
        {
            Model = new()
            {
                Name = "tiny",
                Transformer = traced,
                // Two pixels per latent element.
                Decoder = new TracedDecoder(new AutoencoderKLConfig { BlockOutChannels = [8, 8] }),
                TextTokens = TextTokens,
                TextEncoders = [],
                TakesGuidance = false,
                Resolution = 2 * Side,
                AutoencoderParameters = 0,
                RewardParameters = 0,
            },
            Planner = MethodRegistry.Get("refl").Create([]),
            Batch = Batch,
            Resolution = 2 * Side,
            RolloutSteps = 25,
            ComputeBytes = sizeof(float),
            FusedAttention = OperatorSupport.FusedAttention,
            SegmentBlocks = checkpointing switch
            {
                "none" => null,
                "blocks" => 1,
                _ => int.Parse(checkpointing, System.Globalization.CultureInfo.InvariantCulture),
            },
        };

    private static long Peak(Func<Tensor?> compute)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        CountedMemory.ResetPeak();
        var before = CountedMemory.CurrentBytes;
        compute()?.Dispose();
        return CountedMemory.PeakBytes - before;
    }

    private static void Check(string what, long measured, long predicted)
    {
        TestContext.Out.WriteLine(
            $"{what}: measured {measured:N0}, predicted {predicted:N0}, {100.0 * predicted / measured:0.0} %"
        );
        Assert.That((double)predicted, Is.EqualTo((double)measured).Within(Tolerance).Percent, what);
    }
}
