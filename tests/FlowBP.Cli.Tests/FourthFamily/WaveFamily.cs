// The registration: all that the rest of the program knows of this family.

using FlowBP.Families;
using FlowBP.Families.SD3;
using FlowBP.Families.Tracing;
using FlowBP.Models.Clip;
using FlowBP.Surrogates;

namespace FlowBP.Cli.Tests.FourthFamily;

internal static class WaveFamily
{
    public const string Pipeline = "WavePipeline";

    public static IReadOnlyList<string> AdapterTargets { get; } = ["proj_in", "gate"];

    public static ModelFamily Registration { get; } =
        new()
        {
            Name = "waves",
            Title = "Waves",
            PipelineClasses = [Pipeline],
            NameParts = ["waves"],
            ScheduleOf = (steps, _) => NoiseSchedule.FlowMatchEuler(steps),
            ScheduleText = "static shift",
            Load = WaveBackbone.Load,
            Encoders = new(SD3PromptEncoder.DefaultSequenceLength, [nameof(CLIPTextModelWithProjection)]),
            LoadEncoders = SD3PromptEncoder.FromFolder,
            TextTokensOf = encoders => encoders.Sum(encoder => encoder.Tokens),
            Transformer = new(nameof(WaveTransformer), json => new WaveTransformer(WaveConfig.Read(json))),
            Trace = json => new(new Traced(WaveConfig.Read(json))),
        };

    private sealed class Traced(WaveConfig config) : ITracedTransformer
    {
        public string Name => nameof(WaveTransformer);

        public int Blocks => config.NumLayers;

        public int LatentChannels => config.InChannels;

        public int PatchSize => 1;

        public int TextWidth => config.JointAttentionDim;

        public IReadOnlyList<string> AdapterRoles { get; } = ["proj_in", "gate"];

        public TracedStreams Embed(OperationTrace trace, TransformerInput input)
        {
            trace.BeginScope();
            var tokens = trace.Given(input.Samples * input.ImageTokens * config.InChannels, true);
            var hidden = trace.Linear(tokens, config.InChannels, config.Width, role: "x_embedder");
            var time = trace.Linear(trace.Made(2 * input.Samples), 2, config.Width, role: "time_embedder");
            var pooled = trace.Given(input.Samples * config.PooledProjectionDim);
            var text = trace.Linear(pooled, config.PooledProjectionDim, config.Width, role: "text_embedder");
            var condition = trace.Add(time, text);
            trace.EndScope(hidden, condition);
            return new(hidden, null, condition);
        }

        public TracedStreams Block(OperationTrace trace, TransformerInput input, int block, TracedStreams streams)
        {
            trace.BeginScope();
            var mixed = trace.Linear(trace.Copy(streams.Image), config.Width, config.Width, role: "proj_in");
            var gate = trace.Linear(streams.Condition, config.Width, config.Width, role: "gate");
            var gated = trace.Multiply(trace.Activation(mixed), trace.Part(gate, gate.Elements));
            var changed = trace.Add(streams.Image, trace.Linear(gated, config.Width, config.Width, role: "proj_out"));
            trace.EndScope(changed);
            return streams with { Image = changed };
        }

        public TracedTensor Head(OperationTrace trace, TransformerInput input, TracedStreams streams) =>
            trace.Linear(streams.Image, config.Width, config.InChannels, role: "proj_out");
    }
}
