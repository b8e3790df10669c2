using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;

namespace FlowBP.Training.Tests.Configuration;

/// <summary>The presets are the published settings, and no more than that.</summary>
public class PresetTests
{
    private static IEnumerable<string> Names => Presets.All.Select(preset => preset.Name);

    private static IEnumerable<Preset> Released => Presets.All.Where(preset => preset.Source == "released");

    [Test]
    public void There_is_one_of_each_form_for_every_method_and_backbone()
    {
        Assert.That(Presets.All, Has.Count.EqualTo(2 * 3 * 7));
        Assert.That(Names, Is.Unique.And.Contains("paper/flux2/draft-lv").And.Contains("released/sd35/flowbp-sparse"));
    }

    [TestCaseSource(nameof(Names))]
    public void Each_resolves(string name) => Assert.That(() => Resolve(name), Throws.Nothing);

    [Test]
    public void A_released_preset_is_the_released_configuration_in_every_setting()
    {
        var files = ReleasedConfigs.Files();
        Assert.That(files.Select(ReleasedConfigs.PresetOf), Is.EquivalentTo(Released.Select(preset => preset.Name)));
        foreach (var file in files)
        {
            Assert.That(
                Resolve(ReleasedConfigs.PresetOf(file)).Resolved(),
                Is.EqualTo(ReleasedConfigs.Load(file).Resolved()),
                file
            );
        }
    }

    [Test]
    public void A_paper_preset_differs_where_the_paper_and_the_released_code_disagree_and_nowhere_else()
    {
        Dictionary<string, string> differences = [];
        foreach (var released in Released)
        {
            var paper = Resolve(released.Name.Replace("released", "paper")).Resolved().ToDictionary();
            foreach (var (name, value) in Resolve(released.Name).Resolved())
            {
                if (paper[name] != value)
                {
                    differences[$"{released.Family.Name}/{released.Method.Name} {name}"] = $"{value} -> {paper[name]}";
                }
            }
        }
        Dictionary<string, string> expected = [];
        foreach (var method in Released.Select(preset => preset.Method.Name).Distinct())
        {
            expected[$"sd35/{method} max_train_steps"] = "300 -> 250";
            expected[$"sd35/{method} sampling_steps"] = "40 -> 50";
        }
        foreach (var backbone in new[] { "sd35", "flux1", "flux2" })
        {
            expected[$"{backbone}/drtune drtune_tweedie_always_active"] = "false -> true";
            expected[$"{backbone}/flowbp-bridge grad_rescale_range"] = "window -> segments";
            expected[$"{backbone}/flowbp-lagrange alpha"] = "0.1 -> 0.3";
        }
        expected["sd35/flowbp-bridge alpha"] = "0.5 -> 0.3";
        expected["flux1/flowbp-bridge alpha"] = "0.1 -> 0.3";
        expected["flux2/flowbp-bridge alpha"] = "1 -> 0.3";
        expected["flux2/flowbp-lagrange jk_dirichlet_max_j_rev"] = "none -> 10";
        expected["flux2/flowbp-lagrange train_step_tail_ratio"] = "0.7 -> 1";
        expected["flux2/flowbp-lagrange cfg_grad_norm_compensate"] = "true -> false";
        Assert.That(differences, Is.EquivalentTo(expected));
    }

    [Test]
    public void Every_name_in_the_table_is_a_setting_and_every_scope_is_used()
    {
        var settings = AlignmentConfig
            .Settings.Concat(MethodRegistry.All.SelectMany(method => method.Settings))
            .Select(setting => setting.Name)
            .ToHashSet();
        var scopes = Presets
            .All.SelectMany(preset =>
                new[] { "all", preset.Family.Name, preset.Method.Name, $"{preset.Family.Name}/{preset.Method.Name}" }
            )
            .ToHashSet();
        foreach (var entry in Presets.Entries)
        {
            Assert.That(entry.Path, Has.Count.EqualTo(3));
            Assert.That(scopes, Does.Contain(entry.Path[1]), entry.Origin.Place);
            Assert.That(settings, Does.Contain(entry.Path[2]), entry.Origin.Place);
        }
    }

    [TestCase("released/sd35/flowbp-spars", "released/sd35/flowbp-sparse")]
    [TestCase("papr/flux1/refl", "paper/flux1/refl")]
    public void A_misspelt_preset_is_refused_with_the_nearest(string name, string nearest) =>
        Assert.That(
            () => Resolve(name),
            Throws.TypeOf<UnknownNameException>().With.Message.Contains($"did you mean {nearest}?")
        );

    private static AlignmentConfig Resolve(string preset) =>
        AlignmentConfig.Resolve(new SettingSources { Preset = preset });
}
