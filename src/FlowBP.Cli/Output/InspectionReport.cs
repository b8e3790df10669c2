// The networks of a configuration for a person (a table each) or for a program (the form of a layout file, so that what is
// printed can be compared with and read again).

using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using FlowBP.Families.Inspection;
using Spectre.Console;

namespace FlowBP.Cli.Output;

/// <summary>A network that was built without memory.</summary>
/// <param name="Config">Its configuration.</param>
/// <param name="Layout">Its tensors.</param>
internal sealed record InspectedNetwork(NetworkConfig Config, NetworkLayout Layout);

/// <summary>Prints what was inspected.</summary>
internal static class InspectionReport
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    /// <summary>Prints a table per network, and their sum where there are several.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="networks">The networks.</param>
    /// <param name="tensors">Whether to list every tensor.</param>
    public static void Write(Terminal terminal, IReadOnlyList<InspectedNetwork> networks, bool tensors)
    {
        foreach (var network in networks)
        {
            WriteOne(terminal, network, tensors);
        }
        if (networks.Count > 1)
        {
            terminal.Output.WriteLine(
                $"{networks.Count} networks, {Count(networks.Sum(network => network.Layout.Parameters ?? 0))} parameters, "
                    + Figures.Bytes(networks.Sum(network => Bytes(network.Layout)))
            );
        }
    }

    /// <summary>Prints the differences to a file, one per line.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="file">The file; null: nothing was compared.</param>
    /// <param name="differences">The differences.</param>
    public static void WriteDifferences(Terminal terminal, string? file, IReadOnlyList<string>? differences)
    {
        if (file is null || differences is null)
        {
            return;
        }
        foreach (var difference in differences)
        {
            terminal.Output.WriteLine(difference);
        }
        terminal.Output.WriteLine(
            differences.Count switch
            {
                0 => $"no differences to {file}",
                1 => $"1 difference to {file}",
                var count => $"{count} differences to {file}",
            }
        );
    }

    /// <summary>Prints one object: that of the network, or an object of them by part.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="networks">The networks.</param>
    /// <param name="differences">Differences to the compared file; null: none was.</param>
    public static void WriteJson(
        Terminal terminal,
        IReadOnlyList<InspectedNetwork> networks,
        IReadOnlyList<string>? differences
    )
    {
        var json =
            networks is [var only] && only.Config.Part.Length == 0
                ? Json(only)
                : new JsonObject(networks.Select(n => KeyValuePair.Create(n.Config.Part, (JsonNode?)Json(n))));
        if (differences is not null)
        {
            json["differences"] = new JsonArray([.. differences.Select(difference => (JsonNode)difference)]);
        }
        terminal.Output.WriteLine(json.ToJsonString(s_indented));
    }

    private static void WriteOne(Terminal terminal, InspectedNetwork network, bool tensors)
    {
        var (config, layout) = network;
        var to = terminal.Output;
        var part = config.Part.Length > 0 ? $"{config.Part}: " : "";
        to.WriteLine($"{part}{config.Architecture.Name}{(config.Model is { } model ? $" ({model})" : "")}");
        var buffers = layout.Buffers > 0 ? $", {Count(layout.Buffers)} elements of buffers" : "";
        to.WriteLine($"parameters  {Count(layout.Parameters ?? 0)} in {layout.Tensors.Count} tensors{buffers}");
        var bytes = layout.BytesByType.Select(entry =>
            $"{entry.Type.ToString().ToLowerInvariant()} {Figures.Bytes(entry.Bytes)}"
        );
        to.WriteLine(
            $"bytes       {string.Join(", ", bytes)}; saved as bfloat16 {Figures.Bytes(SavedAsBFloat16(layout))}"
        );
        var table = new Table().NoBorder();
        var padding = new Padding(0, 0, 2, 0);
        table.AddColumn(new TableColumn("module") { NoWrap = true, Padding = padding });
        table.AddColumn(new TableColumn("parameters") { NoWrap = true, Padding = padding }.RightAligned());
        table.AddColumn(new TableColumn("share") { NoWrap = true, Padding = padding }.RightAligned());
        foreach (var (module, parameters) in layout.ByModule)
        {
            table.AddRow(
                new Text(module),
                new Text(Count(parameters)),
                new Text(Figures.Percent(parameters / (double)Math.Max(1, layout.Parameters ?? 1)))
            );
        }
        terminal.Results.Write(table);
        if (tensors)
        {
            foreach (var (name, tensor) in layout.Tensors)
            {
                to.WriteLine($"{name} [{string.Join(", ", tensor.Shape)}]");
            }
        }
        to.WriteLine();
    }

    private static JsonObject Json(InspectedNetwork network)
    {
        var (config, layout) = network;
        return new JsonObject
        {
            ["model"] = config.Model ?? config.Architecture.Name,
            ["architecture"] = config.Architecture.Name,
            ["config"] = config.Settings,
            ["parameters"] = layout.Parameters,
            ["buffers"] = layout.Buffers,
            ["bytes"] = new JsonObject(
                layout.BytesByType.Select(entry =>
                    KeyValuePair.Create(entry.Type.ToString().ToLowerInvariant(), (JsonNode?)entry.Bytes)
                )
            ),
            ["modules"] = new JsonObject(
                layout.ByModule.Select(entry => KeyValuePair.Create(entry.Module, (JsonNode?)entry.Parameters))
            ),
            ["tensors"] = new JsonObject(
                layout.Tensors.Select(pair =>
                    KeyValuePair.Create(
                        pair.Key,
                        (JsonNode?)new JsonArray([.. pair.Value.Shape.Select(extent => (JsonNode)extent)])
                    )
                )
            ),
        };
    }

    private static long Bytes(NetworkLayout layout) => layout.BytesByType.Sum(entry => entry.Bytes);

    private static long SavedAsBFloat16(NetworkLayout layout) =>
        layout.BytesByType.Sum(entry => entry.Type == ScalarType.Float32 ? entry.Bytes / 2 : entry.Bytes);

    private static string Count(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
