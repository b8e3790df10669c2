// Reads the tensors of a golden safetensors file: an 8-byte header length, a JSON header, the data.

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace FlowBP.Kernels.Tests;

public sealed class Golden
{
    private readonly byte[] _file;
    private readonly JsonElement _header;
    private readonly int _dataStart;

    private Golden(byte[] file)
    {
        _file = file;
        var headerLength = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        _header = JsonDocument.Parse(file.AsMemory(8, headerLength)).RootElement;
        _dataStart = 8 + headerLength;
    }

    /// <summary>The file under goldens/; ends the test, visibly, where the goldens are not there.</summary>
    public static Golden Open(string relativePath)
    {
        var shared = Environment.GetEnvironmentVariable("FLOWBP_SHARED") ?? NextToRepository();
        var path = Path.Combine(shared, "goldens", relativePath);
        if (!File.Exists(path))
        {
            Assert.Ignore($"../shared/goldens not present: {relativePath} is needed (or set FLOWBP_SHARED)");
        }
        return new(File.ReadAllBytes(path));
    }

    public bool Has(string name) => _header.TryGetProperty(name, out _);

    public double[] this[string name]
    {
        get
        {
            var entry = _header.GetProperty(name);
            var offsets = entry.GetProperty("data_offsets");
            var (begin, end) = (offsets[0].GetInt32(), offsets[1].GetInt32());
            var data = _file.AsSpan(_dataStart + begin, end - begin);
            return entry.GetProperty("dtype").GetString() switch
            {
                "F64" => MemoryMarshal.Cast<byte, double>(data).ToArray(),
                "F32" => Array.ConvertAll(MemoryMarshal.Cast<byte, float>(data).ToArray(), value => (double)value),
                var other => throw new InvalidDataException($"{name} has dtype {other}; expected F32 or F64"),
            };
        }
    }

    private static string NextToRepository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "FlowBP.sln")))
        {
            folder = folder.Parent;
        }
        return Path.Combine(folder?.Parent?.FullName ?? ".", "shared");
    }
}
