using System.Text.Json;

namespace FlowBP.Surrogates.Tests;

/// <summary>Schedules, to the last bit of the reference's binary32.</summary>
public class NoiseScheduleTests
{
    [Test]
    public void Static_shift_equals_the_reference_bit_for_bit() =>
        EachSchedule("sd3_static", entry => NoiseSchedule.FlowMatchEuler(Steps(entry), Number(entry, "shift")));

    [Test]
    public void The_pipeline_default_is_shifted_twice() =>
        EachSchedule(
            "sd3_pipeline_default",
            entry => FlowMatchEuler.PipelineDefault(Steps(entry), Number(entry, "shift"))
        );

    [Test]
    public void Dynamic_shift_of_flux1_equals_the_reference_bit_for_bit() =>
        EachSchedule(
            "flux1_dynamic",
            entry => NoiseSchedule.DynamicShift(Steps(entry), FlowMatchEuler.LinearMu(Tokens(entry)))
        );

    [Test]
    public void Dynamic_shift_of_flux2_equals_the_reference_bit_for_bit() =>
        EachSchedule(
            "flux2",
            entry => NoiseSchedule.DynamicShift(Steps(entry), FlowMatchEuler.EmpiricalMu(Tokens(entry), Steps(entry)))
        );

    [Test]
    public void Mu_of_flux2_follows_tokens_and_steps()
    {
        foreach (var entry in Section("compute_empirical_mu"))
        {
            Assert.That(
                FlowMatchEuler.EmpiricalMu(entry[0].GetInt32(), entry[1].GetInt32()),
                Is.EqualTo(entry[2].GetDouble()).Within(1e-14),
                entry.GetRawText()
            );
        }
    }

    [Test]
    public void Shift_one_leaves_a_uniform_grid()
    {
        var schedule = NoiseSchedule.FlowMatchEuler(4, shift: 1);
        Assert.That(schedule.Sigmas, Is.EqualTo(new[] { 1, 0.75, 0.5, 0.25, 0 }));
        Assert.That(Enumerable.Range(0, 4).Select(schedule.StepSize), Is.All.EqualTo(-0.25));
        Assert.That(schedule.Timestep(1), Is.EqualTo(750));
    }

    [Test]
    public void One_step_goes_from_noise_to_image() =>
        Assert.That(NoiseSchedule.FlowMatchEuler(1).Sigmas, Is.EqualTo(new[] { 1.0, 0 }));

    [Test]
    public void Given_timesteps_reach_the_network()
    {
        var schedule = NoiseSchedule.FromSigmas([1, 0.5, 0], [1000, 499]);
        Assert.That(schedule.NetworkTime(1), Is.EqualTo(0.499));
        Assert.That(NoiseSchedule.FromSigmas([1, 0.5, 0]).NetworkTime(1), Is.EqualTo(0.5));
    }

    [TestCase(new[] { 1.0 })]
    [TestCase(new[] { 1.0, 1.0, 0.0 })]
    [TestCase(new[] { 0.0, 1.0 })]
    [TestCase(new[] { 1.0, double.NaN, 0.0 })]
    [TestCase(new[] { 1.0, -1.0 })]
    public void Numbers_that_are_no_schedule_are_refused(double[] sigmas) =>
        Assert.That(() => NoiseSchedule.FromSigmas(sigmas), Throws.ArgumentException);

    private static void EachSchedule(string section, Func<JsonElement, NoiseSchedule> make)
    {
        foreach (var entry in Section(section))
        {
            var schedule = make(entry);
            Assert.That(schedule.Sigmas, Is.EqualTo(Numbers(entry, "sigmas")), entry.GetRawText()[..60]);
            Assert.That(
                Enumerable.Range(0, schedule.Steps).Select(schedule.Timestep),
                Is.EqualTo(Numbers(entry, "timesteps")),
                entry.GetRawText()[..60]
            );
        }
    }

    private static IEnumerable<JsonElement> Section(string name)
    {
        var file = SharedFolder.Require("goldens", "models", "scheduler_sigmas.json");
        using var document = JsonDocument.Parse(File.ReadAllText(file));
        return [.. document.RootElement.GetProperty(name).EnumerateArray().Select(entry => entry.Clone())];
    }

    private static int Steps(JsonElement entry) => entry.GetProperty("steps").GetInt32();

    private static int Tokens(JsonElement entry) => entry.GetProperty("image_seq_len").GetInt32();

    private static double Number(JsonElement entry, string name) => entry.GetProperty(name).GetDouble();

    private static double[] Numbers(JsonElement entry, string name) =>
        [.. entry.GetProperty(name).EnumerateArray().Select(item => item.GetDouble())];
}
