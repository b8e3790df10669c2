// Where a run computes: what the setting accepts, what happens where there is no GPU. Opening one is replaced by a function.

using FlowBP.Settings;
using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests;

/// <summary>The setting <c>device</c>, and what becomes of it.</summary>
public class CudaDeviceTests
{
    private readonly TemporaryFolder folder = new();
    private readonly List<int> opened = [];
    private readonly List<string> notices = [];

    [SetUp]
    public void Forget()
    {
        opened.Clear();
        notices.Clear();
    }

    [OneTimeTearDown]
    public void Delete() => folder.Dispose();

    [TestCase("auto")]
    [TestCase("cpu")]
    [TestCase("cuda")]
    [TestCase("cuda:0")]
    [TestCase("cuda:12")]
    public void A_device_is_accepted_by_its_name(string name) =>
        Assert.That(AlignmentConfig.Resolve([new("device", name)]).Model.Device, Is.EqualTo(name));

    [TestCase("gpu")]
    [TestCase("CUDA")]
    [TestCase("cuda:")]
    [TestCase("cuda:-1")]
    [TestCase("cuda:x")]
    [TestCase("cuda:1:2")]
    [TestCase("cuda:99999999999")]
    [TestCase("")]
    public void Anything_else_is_refused_with_what_is_accepted(string name) =>
        Assert.That(
            () => AlignmentConfig.Resolve([new("device", name)]),
            Throws.TypeOf<InvalidSettingException>().With.Message.Contains("auto | cpu | cuda | cuda:N")
        );

    [Test]
    public void Every_command_that_computes_has_the_setting()
    {
        foreach (
            var settings in new[]
            {
                EvaluationSettings.Table.Settings,
                SampleSettings.Table.Settings,
                EmbedSettings.Table.Settings,
            }
        )
        {
            Assert.That(settings.Select(setting => setting.Name), Has.One.EqualTo("device"));
        }
        Assert.That(AlignmentConfig.Resolve([]).Model.Device, Is.EqualTo("auto"));
    }

    [Test]
    public void The_CPU_is_taken_without_looking_for_a_GPU()
    {
        var device = ComputeDevice.Open("cpu", Fail, notices.Add);
        Assert.That((device.Name, device.IsGpu, device.RolloutKernels), Is.EqualTo(("cpu", false, (object?)null)));
        Assert.That(device.Kernels.DeviceIndex, Is.Null);
        Assert.That(opened, Is.Empty);
        Assert.That(notices, Is.Empty);
    }

    [Test]
    public void Left_to_the_machine_it_is_the_CPU_where_no_GPU_works_and_one_line_says_why()
    {
        var device = ComputeDevice.Open("auto", Fail, notices.Add);
        Assert.That(device.Name, Is.EqualTo("cpu"));
        Assert.That(opened, Is.EqualTo(new[] { 0 }));
        Assert.That(notices, Is.EqualTo(new[] { "computing on the CPU: no driver" }));
    }

    [TestCase("cuda", 0)]
    [TestCase("cuda:3", 3)]
    public void A_GPU_that_was_asked_for_and_cannot_be_had_is_an_error(string name, int index)
    {
        Assert.That(
            () => ComputeDevice.Open(name, Fail, notices.Add),
            Throws.TypeOf<DeviceUnavailableException>().With.Message.EqualTo($"device {name} can't be used: no driver")
        );
        Assert.That(opened, Is.EqualTo(new[] { index }));
        Assert.That(notices, Is.Empty);
    }

    [Test]
    public void On_this_machine_auto_finds_a_GPU_or_says_in_one_line_what_is_missing()
    {
        using var device = ComputeDevice.Open("auto", notices.Add);
        Assert.That(device.IsGpu ? 0 : 1, Is.EqualTo(notices.Count));
        Assert.That(notices, Is.All.StartsWith("computing on the CPU: ").And.All.Not.Contain("\n"));
        Assert.That(device.Kernels.DeviceIndex, Is.EqualTo(device.IsGpu ? 0 : (int?)null));
    }

    [Test]
    public void The_configuration_that_is_written_names_the_device_that_the_run_got()
    {
        var config = AlignmentConfig.Resolve([]);
        using var output = new OutputFolder(folder.Of("run"), overwrite: false);
        output.Records.WriteConfig(config, "cuda:0");
        Assert.That(File.ReadAllLines(folder.Of("run/config.yaml")), Has.One.EqualTo("device: cuda:0"));
    }

    private GpuKernels Fail(int index)
    {
        opened.Add(index);
        throw new DeviceUnavailableException("no driver");
    }
}
