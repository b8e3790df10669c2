// Configurations and studies from strangers. YAML can do much more than is wanted; what is not wanted is refused with its line.

using System.Text;
using FlowBP.Settings;
using FlowBP.Tests.Fuzzing;
using FlowBP.Training.Configuration;
using FlowBP.Training.Studies;

namespace FlowBP.Training.Tests.Fuzzing;

public sealed class YamlFuzzTests
{
    private const string Flat = """
        method: flowbp-lagrange
        model: embedded
        seed: 7
        max_train_steps: 40
        train_batch_size: 8
        rollout_steps: 11
        learning_rate: 0.0003
        lr_scheduler: cosine
        use_ema: true
        ema_decay: 0.98
        index_draw: per_sample
        output_dir: outputs/x
        eval_seed: 3
        """;

    private const string Study = """
        question: "Which method?"
        seeds: [1, 2, 3]
        evaluation_seeds: [11, 12]
        curve: [5, 10]
        settings:
          max_train_steps: 20
          train_batch_size: 8
        quick:
          max_train_steps: 2
        arms:
          refl:
            method: refl
            against: [lagrange]
          lagrange:
            method: flowbp-lagrange
            line: points
            at: 4
        """;

    private TemporaryFolder folder = null!;

    [OneTimeSetUp]
    public void CreateFolder() => folder = new();

    [OneTimeTearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void Fuzz_configurations_are_read_or_refused()
    {
        var file = folder.Of("config.yaml");
        Check(20, file, Flat, () => AlignmentConfig.Resolve(new SettingSources { ConfigFile = file }), 1000);
    }

    [Test]
    public void Fuzz_released_configurations_are_read_or_refused()
    {
        var file = folder.Of("released.yaml");
        var valid = File.ReadAllText(ReleasedFile());
        Check(21, file, valid, () => AlignmentConfig.Resolve(new SettingSources { ConfigFile = file }), 500);
    }

    [Test]
    public void Fuzz_studies_are_read_or_refused()
    {
        var file = folder.Of("study.yaml");
        Check(
            22,
            file,
            Study,
            () =>
            {
                StudyLibrary.Get(file, quick: true);
                var measure = StudyLibrary.Get(file).Measure;
                Assert.That(measure.TrainingSeeds.Concat(measure.NoiseSeeds), Is.All.Not.Negative);
                Assert.That(measure.CurveSteps, Is.All.Positive);
            },
            1000
        );
    }

    private static string ReleasedFile() => Configuration.ReleasedConfigs.Files()[0];

    private static void Check(int test, string file, string valid, Action read, int cases = FuzzCases.Usual)
    {
        File.WriteAllText(file, valid);
        read();
        // What several settings say together has no line of its own: such refusals name the settings.
        var law = new ReaderLaw(
            "",
            typeof(ConfigurationException),
            typeof(InvalidSettingException),
            typeof(UnknownNameException)
        );
        for (var number = 0; number < FuzzCases.Count(cases); number++)
        {
            var random = FuzzCases.Random(test, number);
            var bytes =
                random.Next(4) == 0
                    ? ByteMutations.Of(Encoding.UTF8.GetBytes(valid), random)
                    : Encoding.UTF8.GetBytes(TextMutations.Of(valid, random));
            File.WriteAllBytes(file, bytes);
            law.Require(number, bytes.Length, read);
        }
        law.RequireKept();
    }
}
