namespace FlowBP.Torch.Tests;

/// <summary>Where tensors go whose device isn't said.</summary>
public class DefaultDeviceTests
{
    [TearDown]
    public void BackToTheCpu() => torch.set_default_device(torch.CPU);

    [Test]
    public void Factories_follow_it_and_a_named_device_wins()
    {
        torch.set_default_device(torch.META);
        using var scope = torch.NewDisposeScope();
        torch.Tensor[] made =
        [
            torch.zeros(2, 3),
            torch.ones(4),
            torch.full([2], 1),
            torch.empty(3),
            torch.arange(5),
            torch.linspace(0, 1, 3),
            torch.tensor(new[] { 1f, 2f }),
            torch.nn.Embedding(3, 2).weight,
            torch.nn.GroupNorm(1, 2).weight!,
        ];
        Assert.That(made.Select(tensor => tensor.device.type), Is.All.EqualTo(DeviceType.META));
        Assert.That(made[0].shape, Is.EqualTo(new long[] { 2, 3 }));
        Assert.That(torch.zeros(2, device: torch.CPU).device.type, Is.EqualTo(DeviceType.CPU));
    }

    [Test]
    public void What_is_like_another_tensor_stays_with_it()
    {
        using var scope = torch.NewDisposeScope();
        var here = torch.ones(2);
        torch.set_default_device(torch.META);
        Assert.That(torch.zeros_like(here).device.type, Is.EqualTo(DeviceType.CPU));
        Assert.That((here + 1).device.type, Is.EqualTo(DeviceType.CPU));
    }

    [Test]
    public void It_is_a_matter_of_the_thread()
    {
        torch.set_default_device(torch.META);
        DeviceType there = default;
        var other = new Thread(() => there = torch.get_default_device().type);
        other.Start();
        other.Join();
        Assert.That(there, Is.EqualTo(DeviceType.CPU));
        Assert.That(torch.get_default_device().type, Is.EqualTo(DeviceType.META));
    }
}
