using FlowBP.Families;
using FlowBP.RandomStreams;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests.Configuration;

/// <summary>preset &lt; configuration file &lt; --set &lt; flags, and our own config.yaml is a configuration file.</summary>
public class SettingSourcesTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    private static IEnumerable<string> Methods => MethodRegistry.All.Select(method => method.Name);

    [Test]
    public void The_later_source_wins()
    {
        var sources = new SettingSources { Preset = "released/sd35/refl" };
        Assert.That(Seed(sources), Is.EqualTo((42, "preset released/sd35/refl")));
        var file = folder.Write("run.yaml", "seed: 1\nmax_train_steps: 9\n");
        sources = sources with { ConfigFile = file };
        Assert.That(Seed(sources), Is.EqualTo((1, $"{file}, line 1")));
        sources = sources with { Overrides = ["train.seed=2"] };
        Assert.That(Seed(sources), Is.EqualTo((2, "--set train.seed")));
        sources = sources with { Flags = [new("seed", "3")] };
        Assert.That(Seed(sources), Is.EqualTo((3, "--seed")));
        var config = AlignmentConfig.Resolve(sources);
        Assert.That((config.MaxTrainSteps, config.Optimizer.WeightDecay), Is.EqualTo((9, 1e-4)));

        static (long, string) Seed(SettingSources sources)
        {
            var config = AlignmentConfig.Resolve(sources);
            return (config.Model.Seed, config.OriginOf("seed").Place);
        }
    }

    [Test]
    public void A_mistake_is_reported_even_where_it_is_overridden()
    {
        var file = folder.Write("run.yaml", "seed: one\n");
        Assert.That(
            () => AlignmentConfig.Resolve(new SettingSources { ConfigFile = file, Flags = [new("seed", "3")] }),
            Throws.TypeOf<ConfigurationException>().With.Message.StartsWith($"{file}, line 1: seed must be")
        );
    }

    [Test]
    public void A_setting_under_two_names_in_one_file_is_one_too_many()
    {
        var file = folder.Write("run.yaml", "hinge_lambda: 1\nreward:\n  loss_relu_clip: 2\n");
        Assert.That(
            () => AlignmentConfig.Resolve(new SettingSources { ConfigFile = file }),
            Throws.TypeOf<ConfigurationException>().With.Message.Contains("hinge_lambda is given twice")
        );
    }

    [Test]
    public void The_method_may_come_from_any_source()
    {
        var file = folder.Write("run.yaml", "trainer:\n  name: draft_lv\n");
        Assert.That(new SettingSources().MethodName, Is.Null);
        Assert.That(new SettingSources { Preset = "paper/flux1/drtune" }.MethodName, Is.EqualTo("drtune"));
        var sources = new SettingSources { Preset = "paper/flux1/drtune", ConfigFile = file };
        Assert.That(sources.MethodName, Is.EqualTo("draft-lv"));
        Assert.That((sources with { Overrides = ["method=refl"] }).MethodName, Is.EqualTo("refl"));
        Assert.That((sources with { Flags = [new("method", "full")] }).MethodName, Is.EqualTo("full"));
    }

    [Test]
    public void A_setting_of_the_method_that_was_overridden_is_refused_where_it_stands()
    {
        var file = folder.Write("run.yaml", "method: flowbp-sparse\nlate_bias: 2\n");
        Assert.That(
            () => AlignmentConfig.Resolve(new SettingSources { ConfigFile = file, Flags = [new("method", "refl")] }),
            Throws
                .TypeOf<ConfigurationException>()
                .With.Message.EqualTo(
                    $"{file}, line 2: late_bias belongs to other methods: flowbp-sparse, flowbp-bridge (the method is refl)"
                )
        );
    }

    [Test]
    public void Our_form_has_our_defaults_and_the_released_form_has_the_released_ones()
    {
        var ours = AlignmentConfig.Resolve(
            new SettingSources { ConfigFile = folder.Write("ours.yaml", "method: refl\n") }
        );
        Assert.That(ours.Resolved(), Is.EqualTo(AlignmentConfig.Resolve([new("method", "refl")]).Resolved()));
        var released = AlignmentConfig.Resolve(
            new SettingSources { ConfigFile = folder.Write("released.yaml", "trainer:\n  name: refl\n") }
        );
        Assert.That(released.Optimizer.WeightDecay, Is.EqualTo(0.01));
    }

    [TestCaseSource(nameof(Methods))]
    public void The_written_configuration_of_a_run_is_a_configuration_file(string method)
    {
        var config = AlignmentConfig.Resolve([
            new("method", method),
            new("learning_rate", "3e-6"),
            new("lora_rank", "8"),
            new("lora_target_modules", "to_q, to_k"),
            new("output_dir", folder.Of("run")),
        ]);
        using var output = new OutputFolder(folder.Of("run"), overwrite: false);
        output.Records.WriteConfig(config);
        var read = AlignmentConfig.Resolve(new SettingSources { ConfigFile = folder.Of("run/config.yaml") });
        Assert.That(read.Resolved(), Is.EqualTo(config.Resolved()));
    }

    [Test]
    public void A_released_configuration_survives_being_written_in_our_form()
    {
        foreach (var file in ReleasedConfigs.Files())
        {
            var config = ReleasedConfigs.Load(file);
            var name = Path.GetFileNameWithoutExtension(file);
            using var output = new OutputFolder(folder.Of(name), overwrite: false);
            output.Records.WriteConfig(config);
            var read = AlignmentConfig.Resolve(new SettingSources { ConfigFile = folder.Of($"{name}/config.yaml") });
            Assert.That(read.Resolved(), Is.EqualTo(config.Resolved()));
            // Not only the texts: what is drawn from them, and what is done with the loss.
            Assert.That(read.Hinge, Is.EqualTo(config.Hinge));
            Assert.That(Plans(read), Is.EqualTo(Plans(config)), file);
        }

        static string[] Plans(AlignmentConfig config) =>
            [
                .. Enumerable
                    .Range(0, 20)
                    .Select(i =>
                        config
                            .Planner.Draw(
                                NoiseSchedule.FlowMatchEuler(25),
                                RandomStream.For(1, i, 0, RandomPurpose.Indices)
                            )
                            .ToString()
                    ),
            ];
    }

    [Test]
    public void A_concentration_for_all_three_survives_being_written()
    {
        var config = AlignmentConfig.Resolve([new("jk_dirichlet_alpha", "9")]);
        var again = AlignmentConfig.Resolve(config.Resolved());
        var draw = (AlignmentConfig c) =>
            c
                .Planner.Draw(NoiseSchedule.FlowMatchEuler(25), RandomStream.For(3, 1, 0, RandomPurpose.Indices))
                .ToString();
        Assert.That(draw(again), Is.EqualTo(draw(config)));
    }

    [TestCase("stabilityai/stable-diffusion-3.5-medium", "sd35")]
    [TestCase("/models/sd3.5-large", "sd35")]
    [TestCase("black-forest-labs/FLUX.1-dev", "flux1")]
    [TestCase("data/flux", "flux1")]
    [TestCase("black-forest-labs/FLUX.2-klein-base-9B", "flux2")]
    [TestCase("embedded", "sd35")]
    [TestCase("/models/mine", null)]
    public void A_backbone_is_told_by_its_name(string model, string? name) =>
        Assert.That(ModelFamilies.Of(model)?.Name, Is.EqualTo(name));

    [Test]
    public void A_backbone_is_told_by_its_folder_before_its_name()
    {
        folder.Write("flux/model_index.json", """{"_class_name": "StableDiffusion3Pipeline"}""");
        Assert.That(ModelFamilies.Of(folder.Of("flux")), Is.EqualTo(ModelFamilies.SD35));
    }
}
