using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;
using FlowBP.Training.Studies;

namespace FlowBP.Training.Tests.Studies;

/// <summary>Studies are data: what comes along resolves, and what isn't understood is refused by name.</summary>
public class StudyDefinitionTests
{
    private static readonly bool[] s_forms = [false, true];

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void Every_study_that_comes_along_resolves(
        [ValueSource(typeof(StudyLibrary), nameof(StudyLibrary.Names))] string name,
        [ValueSource(nameof(s_forms))] bool quick
    )
    {
        var plan = new StudyPlan(new() { Name = name, Quick = quick });
        using (Assert.EnterMultipleScope())
        {
            Assert.That(plan.Definition.Measure.Question, Does.Contain("?"));
            Assert.That(plan.Arms, Has.Count.GreaterThanOrEqualTo(4));
            Assert.That(plan.Cells, Has.Count.EqualTo(1 + plan.Arms.Count * plan.Seeds.Count));
            Assert.That(plan.Measure.NoiseSeeds, Has.Count.GreaterThanOrEqualTo(2));
            Assert.That(plan.Seeds, Has.Count.GreaterThanOrEqualTo(quick ? 1 : 3));
        }
        foreach (var arm in plan.Arms)
        {
            var config = plan.Config(arm, 7);
            using (Assert.EnterMultipleScope())
            {
                Assert.That(config.Method.Name, Is.AnyOf([.. MethodRegistry.All.Select(method => method.Name)]));
                Assert.That((config.Model.Seed, config.Model.CpuWorkers), Is.EqualTo((7L, 1)));
                Assert.That(config.MaxTrainSteps, Is.LessThanOrEqualTo(quick ? 48 : 300));
            }
        }
        var differing = plan.Arms.Select(arm => string.Join('\n', plan.Config(arm, 7).Resolved())).Distinct();
        Assert.That(differing.Count(), Is.EqualTo(plan.Arms.Count), "no two arms are the same");
    }

    [Test]
    public void Settings_are_the_demo_s_unless_a_study_says_otherwise()
    {
        var plan = new StudyPlan(new() { Name = "methods" });
        var demo = AlignmentConfig
            .Resolve([
                new("method", "flowbp-bridge"),
                new("latent_dtype", "float32"),
                new("seed", "3"),
                new("cpu_workers", "1"),
                new("eval_images_per_prompt", "2"),
            ])
            .Resolved();
        Assert.That(plan.Config(plan.Arm("flowbp-bridge"), 3).Resolved(), Is.EqualTo(demo));
    }

    [Test]
    public void A_study_of_methods_has_those_of_the_papers()
    {
        var plan = new StudyPlan(new() { Name = "methods" });
        string[] baselines = ["refl", "draft-lv", "drtune", "leapalign"];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                plan.Arms.Select(arm => plan.Config(arm, 1).Method.Name),
                Is.EqualTo(
                    new[]
                    {
                        "refl",
                        "draft-lv",
                        "drtune",
                        "leapalign",
                        "flowbp-sparse",
                        "flowbp-bridge",
                        "flowbp-lagrange",
                        "full",
                    }
                )
            );
            Assert.That(
                plan.Arms.Where(arm => arm.Name.StartsWith("flowbp")).Select(arm => arm.Against),
                Is.All.EqualTo(baselines)
            );
            Assert.That(plan.Seeds, Has.Count.EqualTo(5));
        }
    }

    [TestCase("arms: {a: {learning_rat: 1}}", "study s, arm a: unknown setting 'learning_rat'")]
    [TestCase("arms: {a: {method: flowbp-spars}}", "study s, arm a: unknown method 'flowbp-spars'")]
    [TestCase("arms: {a: {seed: 3}}", "study s, arm a: seed can't be set here")]
    [TestCase("arms: {a: {reward: DIR}}", "study s, arm a: reward belongs to the settings of the study")]
    [TestCase("arms: {a: {against: b}}", "arm a: unknown arm 'b'")]
    [TestCase("arms: {a: {at: 3}}", "arm a: line and at are given together or not at all")]
    [TestCase("arms: {base: {alpha: 3}}", "arm 'base': an arm is named by letters")]
    [TestCase("arms: {a/b: {alpha: 3}}", "arm 'a/b': an arm is named by letters")]
    [TestCase("arms: {a: 3}", "FILE, line 1: arm a is a mapping of settings, found '3'")]
    [TestCase("arm: {a: {alpha: 1}}", "FILE, line 1: unknown key 'arm.a.alpha' of a study")]
    [TestCase("seeds: [1]", "study s names no arms")]
    [TestCase("seeds: [1, 1]\narms:\n  a:", "seeds names 1 twice")]
    [TestCase("seeds: [one]\narms:\n  a:", "seeds: found 'one', expected whole numbers from 0")]
    [TestCase("seeds: none\narms:\n  a:", "study s needs a training seed and an evaluation seed")]
    [TestCase("curve: [105]\narms:\n  a:", "curve names step 105, and a training has 105")]
    public void What_is_not_understood_is_refused_by_name(string text, string message)
    {
        var file = folder.Write("s.yaml", text);
        Assert.That(
            () => new StudyPlan(new() { Name = file }),
            Throws.InstanceOf<InvalidSettingException>().With.Message.StartsWith(message.Replace("FILE", file))
        );
    }

    [Test]
    public void Names_of_studies_and_arms_are_suggested()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                () => new StudyPlan(new() { Name = "method" }),
                Throws.InstanceOf<UnknownNameException>().With.Message.Contains("did you mean methods?")
            );
            Assert.That(
                () => new StudyPlan(new() { Name = "methods", Arms = ["flowbp-spars"] }),
                Throws.InstanceOf<UnknownNameException>().With.Message.Contains("did you mean flowbp-sparse?")
            );
        }
    }

    [Test]
    public void Settings_of_a_call_hold_for_all_arms_and_those_of_arms_win()
    {
        var plan = new StudyPlan(new() { Name = "nested", Overrides = ["max_train_steps=7", "alpha=9"] });
        using (Assert.EnterMultipleScope())
        {
            Assert.That(plan.Arms.Select(arm => plan.Config(arm, 1).MaxTrainSteps), Is.All.EqualTo(7));
            Assert.That(plan.Config(plan.Arm("alpha-0.3"), 1).Resolved().ToDictionary()["alpha"], Is.EqualTo("0.3"));
        }
    }
}
