// Every fixture of every kind below a folder, in one list: what `flowbp verify` prints. A kind of fixture is registered
// here and nowhere else.

using FlowBP.Formats;
using FlowBP.Training.Devices;
using FlowBP.Verification.Methods;
using FlowBP.Verification.Networks;

namespace FlowBP.Verification;

/// <summary>Finds and runs fixtures.</summary>
public static class VerificationSuite
{
    private static readonly Func<string, ComputeDevice, bool, IEnumerable<FixtureSource>>[] Kinds =
    [
        (folder, compute, _) => Methods(folder, compute),
        (folder, compute, _) => Regularisers(folder, compute),
        (folder, compute, _) => EndToEnd(folder, compute),
        Networks,
        (folder, _, _) => Schedules(folder),
        (folder, _, _) => Tokenizers(folder),
        (folder, _, _) => Layouts(folder),
    ];

    /// <summary>Runs fixtures. One that can't be read is a failed one; the others still run.</summary>
    /// <param name="sources">What <see cref="Find"/> returned.</param>
    /// <param name="cancellation">Stops between two sources.</param>
    /// <returns>Results in the order of the sources.</returns>
    /// <exception cref="OperationCanceledException">The run was stopped.</exception>
    public static IReadOnlyList<(string Group, FixtureResult Result)> Run(
        IEnumerable<(string Group, FixtureSource Source)> sources,
        CancellationToken cancellation = default
    )
    {
        List<(string, FixtureResult)> results = [];
        foreach (var (group, source) in sources)
        {
            cancellation.ThrowIfCancellationRequested();
            results.AddRange(source.RunGuarded().Select(result => (group, result)));
        }
        return results;
    }

    /// <summary>
    /// The folders and files with fixtures at or below a folder: folders in ordinal order of their names, a folder before
    /// what is below it. They are known by what they hold, never by their names.
    /// </summary>
    /// <param name="root">The folder.</param>
    /// <param name="device">Where networks and kernels compute; null: on the CPU.</param>
    /// <param name="againstFloat64">Also compute networks in float64, and tell both sides' errors against that.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public static IReadOnlyList<(string Group, FixtureSource Source)> Find(
        string root,
        ComputeDevice? device = null,
        bool againstFloat64 = false
    )
    {
        var compute = device ?? ComputeDevice.Cpu;
        var top = Path.GetFullPath(root);
        return
        [
            .. FixtureSearch
                .Folders(top)
                .SelectMany(folder => Kinds.SelectMany(kind => kind(folder, compute, againstFloat64)))
                .Select(source => (GroupName(top, source.Path), source)),
        ];
    }

    // As seen from the folder that was given; that folder itself by its own name.
    private static string GroupName(string root, string path)
    {
        var relative = Path.GetRelativePath(root, path);
        return relative == "." ? Path.GetFileName(Path.TrimEndingDirectorySeparator(root)) : relative;
    }

    private static IEnumerable<FixtureSource> Methods(string folder, ComputeDevice compute)
    {
        if (MethodFixture.Matches(folder))
        {
            yield return new(
                folder,
                () =>
                    new MethodFixture(file => SafetensorsFile.LoadAll(file, compute.Device), compute.Kernels).Run(
                        folder
                    )
            );
        }
    }

    private static IEnumerable<FixtureSource> Regularisers(string folder, ComputeDevice compute)
    {
        if (RegulariserFixture.Matches(folder))
        {
            yield return new(
                folder,
                () =>
                    new RegulariserFixture(file => SafetensorsFile.LoadAll(file, compute.Device), compute.Kernels).Run(
                        folder
                    )
            );
        }
    }

    private static IEnumerable<FixtureSource> EndToEnd(string folder, ComputeDevice compute)
    {
        if (EndToEndFixture.Matches(folder))
        {
            yield return new(folder, () => EndToEndFixture.Run(folder, compute));
        }
    }

    private static IEnumerable<FixtureSource> Networks(string folder, ComputeDevice compute, bool againstFloat64)
    {
        if (ModelFixture.Matches(folder))
        {
            // The folder is the fixture: its group names it.
            yield return new(
                folder,
                () =>
                    [
                        ModelFixture.Run(folder, device: compute.Device, againstFloat64: againstFloat64) with
                        {
                            Name = "",
                        },
                    ]
            );
        }
    }

    private static IEnumerable<FixtureSource> Tokenizers(string folder) =>
        TokenizerEncodingsFixture
            .FilesIn(folder)
            .Select(file => new FixtureSource(file, () => TokenizerEncodingsFixture.Run(file)));

    private static IEnumerable<FixtureSource> Schedules(string folder)
    {
        var file = Path.Combine(folder, ScheduleFixture.FileName);
        if (File.Exists(file))
        {
            yield return new(file, () => ScheduleFixture.Run(file));
        }
    }

    private static IEnumerable<FixtureSource> Layouts(string folder) =>
        Directory
            .EnumerateFiles(folder, "*.json")
            .Where(LayoutFixture.Matches)
            .Order(StringComparer.Ordinal)
            .Select(file => new FixtureSource(file, () => [LayoutFixture.Run(file) with { Name = "" }]));
}
