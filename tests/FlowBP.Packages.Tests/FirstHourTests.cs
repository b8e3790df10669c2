// Who follows docs/first-hour.md copies its method into a clone. So does this test, and runs the command beneath it.

using System.Text.Json;
using System.Text.RegularExpressions;

namespace FlowBP.Packages.Tests;

/// <summary>The method of docs/first-hour.md is one file, and then it is there.</summary>
public partial class FirstHourTests
{
    private static readonly string[] s_copied =
    [
        "src",
        "kernels",
        "assets",
        "FlowBP.sln",
        ".editorconfig",
        "Directory.Build.props",
        "Directory.Build.targets",
        "Directory.Packages.props",
    ];

    [Test]
    public void A_method_that_is_copied_from_the_page_is_listed_and_trains()
    {
        var page = File.ReadAllText(Path.Combine(PackedSolution.Root, "docs", "first-hour.md"));
        var method = Method().Match(page);
        Assert.That(method.Success, Is.True, "the page names a file and shows it");
        var clone = Path.Combine(PackedSolution.Scratch, "clone");
        foreach (var name in s_copied)
        {
            Copy(Path.Combine(PackedSolution.Root, name), Path.Combine(clone, name));
        }
        File.WriteAllText(Path.Combine(clone, method.Groups["file"].Value), method.Groups["text"].Value);

        DotnetCommand
            .Run(clone, "build", "src/FlowBP.Cli", "-c", "Release", "-nodeReuse:false", "-p:RunAnalyzers=false")
            .Succeeded("building the clone");
        var program = Path.Combine(clone, "src/FlowBP.Cli/bin/TorchSharp/Release/net10.0/flowbp.dll");
        Assert.That(DotnetCommand.Run(clone, program, "--help").Succeeded("help"), Does.Contain("first-last"));
        var run = Path.Combine(clone, "run");
        DotnetCommand
            .Run(
                clone,
                [
                    program,
                    .. method.Groups["command"].Value.Split(' '),
                    "--output_dir",
                    run,
                    "--train_batch_size=2",
                    "--rollout_steps=5",
                    "--sampling_steps=2",
                    "--eval_prompts_limit=2",
                    "--eval_images_per_prompt=1",
                    "--device=cpu",
                ]
            )
            .Succeeded("the method's run");

        using var step = JsonDocument.Parse(File.ReadLines(Path.Combine(run, "metrics.jsonl")).Single());
        Assert.That(step.RootElement.GetProperty("grad_norm").GetDouble(), Is.GreaterThan(0));
    }

    private static void Copy(string from, string to)
    {
        if (File.Exists(from))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(from, to);
            return;
        }
        foreach (var entry in Directory.EnumerateFileSystemEntries(from))
        {
            if (Path.GetFileName(entry) is not ("bin" or "obj"))
            {
                Copy(entry, Path.Combine(to, Path.GetFileName(entry)));
            }
        }
    }

    [GeneratedRegex(
        @"Put it at\n`(?<file>[^`]+)`:\n\n```csharp\n(?<text>.*?)```\n\n    ./flowbp (?<command>[^\n]+)\n",
        RegexOptions.Singleline
    )]
    private static partial Regex Method();
}
