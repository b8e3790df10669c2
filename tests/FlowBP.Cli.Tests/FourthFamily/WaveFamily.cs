// The registration: all that the rest of the program knows of this family.

using FlowBP.Families;
using FlowBP.Families.SD3;
using FlowBP.Models.Clip;
using FlowBP.Surrogates;

namespace FlowBP.Cli.Tests.FourthFamily;

internal static class WaveFamily
{
    public const string Pipeline = "WavePipeline";

    public static ModelFamily Registration { get; } =
        new()
        {
            Name = "waves",
            Title = "Waves",
            PipelineClasses = [Pipeline],
            NameParts = ["waves"],
            ScheduleOf = (steps, _) => NoiseSchedule.FlowMatchEuler(steps),
            ScheduleText = "static shift",
            AdapterTargets = ["proj_in", "gate"],
            Autoencoder = AutoencoderKind.KL,
            Encoders = new(SD3PromptEncoder.DefaultSequenceLength, [nameof(CLIPTextModelWithProjection)]),
            LoadEncoders = SD3PromptFolder.Load,
            TextTokensOf = encoders => encoders.Sum(encoder => encoder.Tokens),
            Transformer = new(nameof(WaveTransformer), json => new WaveTransformer(WaveConfig.Read(json))),
        };
}
