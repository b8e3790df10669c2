// Runs of a second on the embedded model, for tests of what one command leaves for the next.

using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests;

/// <summary>Short runs in a folder of their own.</summary>
public abstract class ShortRunTests
{
    private protected const string Prompt = "a photo of a red circle";

    private DisposeScope scope = null!;

    private protected List<string> Notices { get; } = [];

    // What the last run gave to be drawn.
    private protected (string Path, TrainingCurve Curve)? Drawn { get; private set; }

    private protected TemporaryFolder Folder { get; private set; } = null!;

    [SetUp]
    public void Open()
    {
        Folder = new();
        scope = torch.NewDisposeScope();
        Notices.Clear();
        Drawn = null;
    }

    [TearDown]
    public void Close()
    {
        scope.Dispose();
        Folder.Dispose();
    }

    private protected static ModelSettings Choice(params (string Name, string Value)[] given) =>
        SampleSettings.Of(Values(given)).Model;

    private protected static Dictionary<string, string> Values(params (string Name, string Value)[] given)
    {
        var values = new Dictionary<string, string>
        {
            ["sampling_steps"] = "3",
            ["seed"] = "5",
            ["device"] = "cpu",
            ["cpu_workers"] = "1",
        };
        foreach (var (name, value) in given)
        {
            values[name] = value;
        }
        return values;
    }

    // The first picture that `sample` paints.
    private protected static float[] Painted(ModelSettings choice)
    {
        using var model = choice.Open(ComputeDevice.Cpu, [Prompt]);
        using var noGrad = torch.no_grad();
        var noise_BCYX = Noise.Of(model.LatentShape, 1, seed: 5, step: 0);
        return model
            .Painter.Decode(model.Painter.Sample(noise_BCYX, model.Painter.Encode([Prompt]), steps: 3))
            .data<float>()
            .ToArray();
    }

    private protected EvaluationSummary Evaluate(params (string Name, string Value)[] given) =>
        new EvaluationRun(
            EvaluationSettings.Table.Bind(
                "evaluate",
                Values([
                    ("eval_prompts_limit", "3"),
                    ("eval_images_per_prompt", "2"),
                    ("output_dir", Folder.Of("evaluation")),
                    .. given,
                ])
            ),
            new Watch(Notices)
        ).Execute();

    // The report of the last step.
    private protected StepReport Align(params (string Name, string Value)[] given)
    {
        var values = new Dictionary<string, string>
        {
            ["method"] = "flowbp-sparse",
            ["num_active_steps"] = "2",
            ["rollout_steps"] = "3",
            ["sampling_steps"] = "2",
            ["train_batch_size"] = "2",
            ["max_train_steps"] = "1",
            ["learning_rate"] = "1e-2",
            ["lr_warmup_steps"] = "0",
            ["use_ema"] = "false",
            ["eval_prompts_limit"] = "2",
            ["eval_images_per_prompt"] = "1",
            ["latent_dtype"] = "float32",
            ["device"] = "cpu",
            ["output_dir"] = Folder.Of("run"),
        };
        foreach (var (name, value) in given)
        {
            values[name] = value;
        }
        var watch = new Watch(Notices);
        new AlignmentRun(AlignmentConfig.Resolve(values), watch).Execute();
        Drawn = watch.Drawn;
        return watch.Reports[^1];
    }

    private sealed class Watch(List<string> heard) : IAlignmentObserver
    {
        public List<StepReport> Reports { get; } = [];

        public (string Path, TrainingCurve Curve)? Drawn { get; private set; }

        public void Draw(string path, TrainingCurve curve) => Drawn = (path, curve);

        public void Stage(string name) { }

        public void Step(StepReport report, int steps) => Reports.Add(report);

        public void Evaluated(string label, EvaluationResult result) { }

        public void Notice(string text) => heard.Add(text);
    }
}
