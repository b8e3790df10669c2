namespace FlowBP.Packages.Tests;

/// <summary>A TorchSharp program that references two of the packages, and whose first call is not FlowBP's.</summary>
public class PlainConsumerTests
{
    private const string Startup = "TorchStartup.cs";

    private Consumer consumer = null!;
    private Lines lines = null!;

    [OneTimeSetUp]
    public void Run()
    {
        consumer = new("Plain");
        consumer.Build();
        lines = new(consumer.Run());
    }

    [Test]
    public void TorchSharp_loads_by_itself() =>
        Assert.That(lines.Numbers("product"), Is.EqualTo(new double[] { 3, 12 }));

    [Test]
    public void A_kernel_works_on_a_view_of_its_tensor_in_place() =>
        Assert.That(
            lines.Numbers("scaled"),
            Is.EqualTo(new double[] { 0, 1, 2, 30, 40, 50, 600, 700, 800, 9, 10, 11 })
        );

    [Test]
    public void The_start_is_compiled_into_programs_and_tests_but_not_into_libraries_or_where_it_is_declined()
    {
        Assert.That(Compiled(), Does.Contain(Startup));
        Assert.That(Compiled("-p:OutputType=Library", "-p:IsTestProject=true"), Does.Contain(Startup));
        Assert.That(Compiled("-p:OutputType=Library"), Does.Not.Contain(Startup));
        Assert.That(Compiled("-p:FlowBPTorchStartup=false"), Does.Not.Contain(Startup));
    }

    private string Compiled(params string[] properties) => consumer.Items("Compile", "BeforeCompile", properties);
}
