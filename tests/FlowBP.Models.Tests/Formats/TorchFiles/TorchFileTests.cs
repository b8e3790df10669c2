// What torch.save writes is read; the rule by which weights are found in it.

using FlowBP.Formats;
using static FlowBP.Models.Tests.TorchFileWriter;

namespace FlowBP.Models.Tests;

public sealed class TorchFileTests
{
    // Written by CPython's own pickler from classes with torch's names and reductions: an OrderedDict with _metadata under
    // state_dict, beside numbers, tuples, lists, None; a transposed view of the first storage; a parameter in bfloat16.
    private const string PythonZip =
        "UEsDBBQAAAAAAKx0dV3QTHa4dgIAAHYCAAAQAAAAYXJjaGl2ZS9kYXRhLnBrbIACfXEAKFgFAAAAZXBvY2hxAUsDWAIAAABscnECRz/g"
        + "AAAAAAAAWAMAAABiaWdxA4oJAAAAAAAAAABAWAUAAABiZXRhc3EERz/szMzMzMzNRz/v987ZFocrhnEFWAQAAABiZXN0cQZOWAQAAABk"
        + "b25lcQeIWAUAAABuYW1lc3EIXXEJKFgBAAAAYXEKWAEAAABicQtlWAoAAABzdGF0ZV9kaWN0cQxjY29sbGVjdGlvbnMKT3JkZXJlZERp"
        + "Y3QKcQ0pUnEOKFgMAAAAbGF5ZXIud2VpZ2h0cQ9jdG9yY2guX3V0aWxzCl9yZWJ1aWxkX3RlbnNvcl92MgpxECgoWAcAAABzdG9yYWdl"
        + "cRFjdG9yY2gKRmxvYXRTdG9yYWdlCnESWAEAAAAwcRNYAwAAAGNwdXEUSwZ0cRVRSwBLAksDhnEWSwNLAYZxF4loDSlScRh0cRlScRpY"
        + "EAAAAGxheWVyLnRyYW5zcG9zZWRxG2gQKChoEWgSaBNoFEsGdHEcUUsASwNLAoZxHUsBSwOGcR6JaA0pUnEfdHEgUnEhWAsAAABub3Jt"
        + "LndlaWdodHEiY3RvcmNoLl91dGlscwpfcmVidWlsZF9wYXJhbWV0ZXIKcSNoECgoaBFjdG9yY2gKQkZsb2F0MTZTdG9yYWdlCnEkWAEA"
        + "AAAxcSVoFEsEdHEmUUsBSwOFcSdLAYVxKIloDSlScSl0cSpScSuIaA0pUnEsh3EtUnEudX1xL1gJAAAAX21ldGFkYXRhcTBoDSlScTEo"
        + "WAAAAABxMn1xM1gHAAAAdmVyc2lvbnE0SwFzWAUAAABsYXllcnE1fXE2aDRLAXN1c2J1LlBLAwQUAAAAAACsdHVdhT3jGQYAAAAGAAAA"
        + "EQAAAGFyY2hpdmUvYnl0ZW9yZGVybGl0dGxlUEsDBBQAAAAAAKx0dV0k5TkZGAAAABgAAAAOAAAAYXJjaGl2ZS9kYXRhLzAAAIA/AAAA"
        + "QAAAQEAAAIBAAACgQAAAwEBQSwMEFAAAAAAArHR1XWfbEJYIAAAACAAAAA4AAABhcmNoaXZlL2RhdGEvMYA/AEBAQIBAUEsDBBQAAAAA"
        + "AKx0dV3RnmdVAgAAAAIAAAAPAAAAYXJjaGl2ZS92ZXJzaW9uMwpQSwECFAMUAAAAAACsdHVd0Ex2uHYCAAB2AgAAEAAAAAAAAAAAAAAA"
        + "gAEAAAAAYXJjaGl2ZS9kYXRhLnBrbFBLAQIUAxQAAAAAAKx0dV2FPeMZBgAAAAYAAAARAAAAAAAAAAAAAACAAaQCAABhcmNoaXZlL2J5"
        + "dGVvcmRlclBLAQIUAxQAAAAAAKx0dV0k5TkZGAAAABgAAAAOAAAAAAAAAAAAAACAAdkCAABhcmNoaXZlL2RhdGEvMFBLAQIUAxQAAAAA"
        + "AKx0dV1n2xCWCAAAAAgAAAAOAAAAAAAAAAAAAACAAR0DAABhcmNoaXZlL2RhdGEvMVBLAQIUAxQAAAAAAKx0dV3RnmdVAgAAAAIAAAAP"
        + "AAAAAAAAAAAAAACAAVEDAABhcmNoaXZlL3ZlcnNpb25QSwUGAAAAAAUABQAyAQAAgAMAAAAA";

    private const string PythonLegacy =
        "gAKKCmz8nEb5IGqoUBkugAJN6QMugAJ9cQAoWBAAAABwcm90b2NvbF92ZXJzaW9ucQFN6QNYDQAAAGxpdHRsZV9lbmRpYW5xAohYCgAA"
        + "AHR5cGVfc2l6ZXNxA31xBChYBQAAAHNob3J0cQVLAlgDAAAAaW50cQZLBFgEAAAAbG9uZ3EHSwR1dS6AAmNjb2xsZWN0aW9ucwpPcmRl"
        + "cmVkRGljdApxAClScQEoWAwAAABsYXllci53ZWlnaHRxAmN0b3JjaC5fdXRpbHMKX3JlYnVpbGRfdGVuc29yX3YyCnEDKChYBwAAAHN0"
        + "b3JhZ2VxBGN0b3JjaApGbG9hdFN0b3JhZ2UKcQVYAgAAADk0cQZYAwAAAGNwdXEHSwZOdHEIUUsASwJLA4ZxCUsDSwGGcQqJaAApUnEL"
        + "dHEMUnENWBAAAABsYXllci50cmFuc3Bvc2VkcQ5oAygoaARoBWgGaAdLBk50cQ9RSwBLA0sChnEQSwFLA4ZxEYloAClScRJ0cRNScRRY"
        + "CwAAAG5vcm0ud2VpZ2h0cRVjdG9yY2guX3V0aWxzCl9yZWJ1aWxkX3BhcmFtZXRlcgpxFmgDKChoBGN0b3JjaApCRmxvYXQxNlN0b3Jh"
        + "Z2UKcRdYAgAAADk1cRhoB0sETnRxGVFLAUsDhXEaSwGFcRuJaAApUnEcdHEdUnEeiGgAKVJxH4dxIFJxIXV9cSJYCQAAAF9tZXRhZGF0"
        + "YXEjaAApUnEkKFgAAAAAcSV9cSZYBwAAAHZlcnNpb25xJ0sBc1gFAAAAbGF5ZXJxKH1xKWgnSwFzdXNiLoACXXEAKFgCAAAAOTRxAVgC"
        + "AAAAOTVxAmUuBgAAAAAAAAAAAIA/AAAAQAAAQEAAAIBAAACgQAAAwEAEAAAAAAAAAIA/AEBAQIBA";

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [TestCase(PythonZip)]
    [TestCase(PythonLegacy)]
    public void A_state_dict_that_Python_pickled_is_read(string base64)
    {
        using var scope = torch.NewDisposeScope();
        using var file = Checkpoint.Open(Write("model.pt", Convert.FromBase64String(base64)));

        var norm = file.Load("norm.weight");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(file.Tensors.Keys, Is.EqualTo(new[] { "layer.weight", "layer.transposed", "norm.weight" }));
            Assert.That(file.Load("layer.weight").shape, Is.EqualTo(new long[] { 2, 3 }));
            Assert.That(TensorValues.Values(file.Load("layer.weight")), Is.EqualTo(new float[] { 1, 2, 3, 4, 5, 6 }));
            Assert.That(file.Load("layer.transposed").shape, Is.EqualTo(new long[] { 3, 2 }));
            Assert.That(
                TensorValues.Values(file.Load("layer.transposed")),
                Is.EqualTo(new float[] { 1, 4, 2, 5, 3, 6 })
            );
            Assert.That(norm.dtype, Is.EqualTo(ScalarType.BFloat16));
            Assert.That(TensorValues.Values(norm.to_type(ScalarType.Float32)), Is.EqualTo(new float[] { 2, 3, 4 }));
        }
    }

    [TestCase("pytorch_model.bin", "model.safetensors")]
    [TestCase("diffusion_pytorch_model.bin", "diffusion_pytorch_model.safetensors")]
    [TestCase("pytorch_model.bin", "")]
    public void A_model_loads_from_pickled_weights_where_there_are_no_others(string file, string asked)
    {
        using var layer = nn.Linear(3, 2);
        Write(file, LinearFile());

        Checkpoint.LoadInto(layer, Path.Combine(folder.Path, asked));

        Assert.That(TensorValues.Values(layer.weight!), Is.EqualTo(new float[] { 1, 2, 3, 4, 5, 6 }));
        Assert.That(TensorValues.Values(layer.bias!), Is.EqualTo(new float[] { 7, 8 }));
    }

    [Test]
    public void Pickled_shards_have_an_index_too()
    {
        using var layer = nn.Linear(3, 2);
        var weight = PickleWriter.Of(p => p.Op('}').Text("weight").Tensor("0", 2, 3).Op('s'));
        var bias = PickleWriter.Of(p => p.Op('}').Text("bias").Tensor("0", 2).Op('s'));
        Write("pytorch_model-00001-of-00002.bin", Zip(weight, ("0", Floats(1, 2, 3, 4, 5, 6))));
        Write("pytorch_model-00002-of-00002.bin", Zip(bias, ("0", Floats(7, 8))));
        File.WriteAllText(
            folder.Of("pytorch_model.bin.index.json"),
            """
            {"metadata":{},"weight_map":{"weight":"pytorch_model-00001-of-00002.bin","bias":"pytorch_model-00002-of-00002.bin"}}
            """
        );

        Checkpoint.LoadInto(layer, folder.Path);

        Assert.That(TensorValues.Values(layer.weight!), Is.EqualTo(new float[] { 1, 2, 3, 4, 5, 6 }));
        Assert.That(TensorValues.Values(layer.bias!), Is.EqualTo(new float[] { 7, 8 }));
    }

    [TestCase("FloatStorage", ScalarType.Float32, 4)]
    [TestCase("DoubleStorage", ScalarType.Float64, 8)]
    [TestCase("HalfStorage", ScalarType.Float16, 2)]
    [TestCase("BFloat16Storage", ScalarType.BFloat16, 2)]
    [TestCase("LongStorage", ScalarType.Int64, 8)]
    [TestCase("IntStorage", ScalarType.Int32, 4)]
    [TestCase("ShortStorage", ScalarType.Int16, 2)]
    [TestCase("CharStorage", ScalarType.Int8, 1)]
    [TestCase("ByteStorage", ScalarType.Byte, 1)]
    [TestCase("BoolStorage", ScalarType.Bool, 1)]
    public void Every_storage_type_is_read(string storage, ScalarType type, int size)
    {
        using var scope = torch.NewDisposeScope();
        byte[] bytes = [.. Enumerable.Range(0, 6 * size).Select(i => (byte)(type == ScalarType.Bool ? i % 2 : i))];
        var pickle = PickleWriter.Of(p => p.Op('}').Text("x").Tensor(storage, "0", 6, 2, [3], [1]).Op('s'));
        var old = PickleWriter.Of(p => p.Op('}').Text("x").Tensor(storage, "0", 6, 2, [3], [1], legacy: true).Op('s'));

        foreach (var content in new[] { Zip(pickle, ("0", bytes)), Legacy(old, ("0", 6, bytes)) })
        {
            using var file = Checkpoint.Open(Write("model.pt", content));
            var x = file.Load("x");
            Assert.That(x.dtype, Is.EqualTo(type));
            Assert.That(x.bytes.ToArray(), Is.EqualTo(bytes[(2 * size)..(5 * size)]));
        }
    }

    [TestCase("state_dict")]
    [TestCase("model_state_dict")]
    [TestCase("model")]
    [TestCase("module")]
    [TestCase("weights")]
    [TestCase("params")]
    public void Weights_are_found_under_the_usual_keys(string key)
    {
        var pickle = PickleWriter.Of(p =>
            p.Op('}').Op('(').Text("epoch").Int(3).Text(key).Op('}').Text("w").Tensor("0", 2).Op('s').Op('u')
        );

        Assert.That(NamesOf(Zip(pickle, ("0", Floats(1, 2)))), Is.EqualTo(new[] { "w" }));
    }

    [Test]
    public void Weights_beside_other_values_are_taken_alone()
    {
        var pickle = PickleWriter.Of(p =>
            p.Op('}').Op('(').Text("step").Int(70_000).Text("w").Tensor("0", 2).Text("lr").Double(0.5).Op('u')
        );

        Assert.That(NamesOf(Zip(pickle, ("0", Floats(1, 2)))), Is.EqualTo(new[] { "w" }));
    }

    [Test]
    public void A_prefix_of_data_parallelism_is_taken_off_where_all_names_have_it()
    {
        byte[] Named(string first, string second) =>
            Zip(
                PickleWriter.Of(p =>
                    p.OrderedDict().Op('(').Text(first).Tensor("0", 2).Text(second).Tensor("0", 2).Op('u')
                ),
                ("0", Floats(1, 2))
            );

        Assert.That(NamesOf(Named("module.a", "module.b")), Is.EqualTo(new[] { "a", "b" }));
        Assert.That(NamesOf(Named("module.a", "b")), Is.EqualTo(new[] { "module.a", "b" }));
        Assert.That(NamesOf(Named("module._orig_mod.a", "module._orig_mod.b")), Is.EqualTo(new[] { "a", "b" }));
    }

    [Test]
    public void A_file_without_tensors_says_where_they_were_looked_for()
    {
        var pickle = PickleWriter.Of(p => p.Op('}').Text("epoch").Int(3).Op('s'));

        Assert.That(
            () => NamesOf(Zip(pickle)),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("found no tensors by name, expected a dict of")
        );
    }

    private static byte[] LinearFile() =>
        Zip(
            PickleWriter.Of(p =>
                p.OrderedDict().Op('(').Text("weight").Tensor("0", 2, 3).Text("bias").Tensor("1", 2).Op('u')
            ),
            ("0", Floats(1, 2, 3, 4, 5, 6)),
            ("1", Floats(7, 8))
        );

    private string[] NamesOf(byte[] content)
    {
        using var file = Checkpoint.Open(Write("model.pt", content));
        return [.. file.Tensors.Keys];
    }

    private string Write(string name, byte[] content)
    {
        File.WriteAllBytes(folder.Of(name), content);
        return folder.Of(name);
    }
}
