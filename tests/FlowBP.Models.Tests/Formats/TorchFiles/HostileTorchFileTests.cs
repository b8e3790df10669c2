// Pickles that want more than to be read. Each ends in one line that names the file and what it asked for; nothing is run,
// and memory stays within a small multiple of the file.

using System.IO.Compression;
using System.Numerics;
using System.Text;
using FlowBP.Formats;
using static FlowBP.Models.Tests.TorchFileWriter;

namespace FlowBP.Models.Tests;

public sealed class HostileTorchFileTests
{
    private TemporaryFolder folder = null!;

    private string File => folder.Of("model.pt");

    [SetUp]
    public void CreateFolder() => folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [TestCase("os", "system")]
    [TestCase("posix", "system")]
    [TestCase("nt", "system")]
    [TestCase("subprocess", "Popen")]
    [TestCase("builtins", "eval")]
    [TestCase("builtins", "exec")]
    [TestCase("__builtin__", "getattr")]
    [TestCase("torch", "load")]
    [TestCase("torch.storage", "_load_from_bytes")]
    [TestCase("torch._utils", "_rebuild_tensor")]
    [TestCase("numpy.core.multiarray", "_reconstruct")]
    [TestCase("collections", "OrderedDict.__init__")]
    public void A_global_that_is_not_torch_s_is_named(string module, string name)
    {
        var canary = folder.Of("executed");
        var pickle = PickleWriter.Of(p => p.Global(module, name).Text($"touch {canary}").Raw(0x85).Op('R'));

        Refuses(Zip(pickle), $"the pickle asks for the global '{module}.{name}'", "nothing was executed");
        Refuses(Legacy(pickle), $"the global '{module}.{name}'", "nothing was executed");
        Assert.That(System.IO.File.Exists(canary), Is.False);
    }

    [TestCase((byte)'i', "INST")]
    [TestCase((byte)'o', "OBJ")]
    [TestCase((byte)0x81, "NEWOBJ")]
    [TestCase((byte)0x92, "NEWOBJ_EX")]
    [TestCase((byte)0x93, "STACK_GLOBAL")]
    [TestCase((byte)0x82, "EXT1")]
    [TestCase((byte)'P', "PERSID")]
    [TestCase((byte)'2', "DUP")]
    [TestCase((byte)0x98, "READONLY_BUFFER")]
    [TestCase((byte)0xFF, "0xFF")]
    public void An_opcode_that_is_not_needed_is_named(byte opcode, string name) =>
        Refuses(
            Zip(PickleWriter.Of(p => p.Op('(').Raw(opcode).Raw("os\nsystem\n"u8))),
            $"asks for the opcode {name}, expected only what torch.save writes",
            "nothing was executed"
        );

    [Test]
    public void A_memo_bomb_stays_as_small_as_the_file()
    {
        // A list of ten references to a list of ten references to …, 60 times: 10^60 elements for whoever copies them.
        var pickle = PickleWriter.Of(p =>
        {
            p.Op('}').Text("x").Op(']').Op('q').Raw(200);
            for (var i = 0; i < 60; i++)
            {
                p.Op(']').Op('(');
                for (var j = 0; j < 10; j++)
                {
                    p.Op('h').Raw(200);
                }
                p.Op('e').Op('q').Raw(200);
            }
        });
        var before = GC.GetAllocatedBytesForCurrentThread();

        Refuses(Zip(pickle), "values are left on the stack");
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(4 << 20));
    }

    [Test]
    public void A_bomb_of_references_beside_weights_is_left_alone()
    {
        var pickle = PickleWriter.Of(p =>
        {
            p.Op('}').Op('(').Text("bomb").Op(']').Op('q').Raw(200);
            for (var i = 0; i < 50; i++)
            {
                // A pair of the pair before, twice: 2^50 elements for whoever walks all ways.
                p.Text($"k{i}").Op('h').Raw(200).Op('h').Raw(200).Raw(0x86).Op('q').Raw(200);
            }
            p.Text("w").Tensor("0", 2).Op('u');
        });

        Assert.That(Read(Legacy(pickle, ("0", 2, Floats(1, 2)))), Is.EqualTo(1));
    }

    [TestCase(100)]
    [TestCase(1_000_000)]
    public void Deep_nesting_is_refused(int depth)
    {
        var nested = Encoding.ASCII.GetBytes(new string(']', depth) + new string('a', depth - 1));
        byte[] tuples = [(byte)')', .. Enumerable.Repeat((byte)0x85, depth)];

        foreach (var inner in new[] { nested, tuples })
        {
            Refuses(
                Zip(PickleWriter.Of(p => p.Op('}').Text("x").Raw(inner).Op('s'))),
                "containers nested deeper than 64"
            );
        }
    }

    [Test]
    public void A_list_that_holds_itself_is_read_once()
    {
        var pickle = PickleWriter.Of(p =>
            p.Op('}')
                .Op('(')
                .Text("x")
                .Op(']')
                .Op('q')
                .Raw(250)
                .Op('h')
                .Raw(250)
                .Op('a')
                .Text("w")
                .Tensor("FloatStorage", "0", 2, 0, [2], [1], legacy: true)
                .Op('u')
        );

        Assert.That(Read(Legacy(pickle, ("0", 2, Floats(1, 2)))), Is.EqualTo(1));
    }

    [TestCase(']')]
    [TestCase('}')]
    [TestCase(')')]
    [TestCase('(')]
    [TestCase('N')]
    public void A_pickle_of_millions_of_instructions_is_refused_in_bounded_memory(char opcode)
    {
        var file = Zip([0x80, 2, .. Enumerable.Repeat((byte)opcode, 5_000_000)]);
        var before = GC.GetAllocatedBytesForCurrentThread();

        Refuses(file, "more than 2000000 instructions");
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(256 << 20));
    }

    [TestCase(new byte[] { 0x80, 2, (byte)'X', 0xFF, 0xFF, 0xFF, 0xFF }, "4294967295 bytes to read")]
    [TestCase(new byte[] { 0x80, 2, (byte)'T', 0xFF, 0xFF, 0xFF, 0x7F }, "2147483647 bytes to read")]
    [TestCase(new byte[] { 0x80, 2, 0x8A, 200, 1 }, "an integer of 200 bytes")]
    [TestCase(new byte[] { 0x80, 9 }, "protocol 9")]
    [TestCase(new byte[] { 0x80, 2 }, "1 bytes to read where 0 are left")]
    [TestCase(new byte[] { 0x80, 2, (byte)'.' }, "an empty stack")]
    [TestCase(new byte[] { 0x80, 2, (byte)'e' }, "no mark")]
    [TestCase(new byte[] { 0x80, 2, (byte)'N', (byte)'(', (byte)'a' }, "an empty stack")]
    [TestCase(new byte[] { 0x80, 2, (byte)'h', 3 }, "no value remembered under 3")]
    [TestCase(new byte[] { 0x80, 2, (byte)'X', 1, 0, 0, 0, 0xFF }, "a string that is not UTF-8")]
    [TestCase(new byte[] { 0x80, 2, (byte)'c', 1, 2, 3 }, "a global's name without an end")]
    [TestCase(new byte[] { 0x80, 2, (byte)'N', (byte)')', (byte)'R' }, "a call of something that is no function")]
    [TestCase(
        new byte[] { 0x80, 2, (byte)'N', (byte)'}', (byte)'b' },
        "attributes (BUILD) of something that is no dict"
    )]
    [TestCase(new byte[] { 0x80, 2, (byte)'}', (byte)')', (byte)'N', (byte)'s' }, "a key of a dict")]
    [TestCase(new byte[] { 0x80, 2, (byte)'N', (byte)'Q' }, "a persistent id that is no storage's")]
    public void Damaged_pickles_say_where(byte[] pickle, string message) => Refuses(Zip(pickle), message);

    [TestCase(0, 3, 1, Description = "one element too many")]
    [TestCase(1, 2, 1, Description = "an offset past the last")]
    [TestCase(0, 2, 2, Description = "a stride past the last")]
    [TestCase(0, 2, 4611686018427387904, Description = "an overflowing stride")]
    [TestCase(0, 4611686018427387904, 4, Description = "an overflowing size")]
    [TestCase(4611686018427387904, 1, 1, Description = "an overflowing offset")]
    [TestCase(-1, 2, 1, Description = "a negative offset")]
    [TestCase(0, -2, 1, Description = "a negative size")]
    [TestCase(1, 2, -1, Description = "a negative stride")]
    [TestCase(0, 1000000000000, 0, Description = "a terabyte from two numbers")]
    public void A_tensor_outside_its_storage_is_refused(long offset, long size, long stride) =>
        Refuses(
            Zip(
                PickleWriter.Of(p =>
                    p.Op('}').Text("w").Tensor("FloatStorage", "0", 2, offset, [size], [stride]).Op('s')
                ),
                ("0", Floats(1, 2))
            ),
            "a size, a stride or an offset leaves its storage"
        );

    // The product of their sizes would have millions of digits, and take hours.
    [Test]
    public void A_tensor_of_hundreds_of_thousands_of_extents_is_refused_at_once()
    {
        byte[] extent = [0x8A, 8, 255, 255, 255, 255, 255, 255, 255, 127];
        var pickle = PickleWriter.Of(p =>
        {
            p.Op('}')
                .Text("w")
                .Global("torch._utils", "_rebuild_tensor_v2")
                .Op('(')
                .Storage("FloatStorage", "0", 2)
                .Int(0);
            p.Op('(').Raw([.. Enumerable.Repeat(extent, 400_000).SelectMany(each => each)]).Op('t').Op('q').Raw(250);
            p.Op('h').Raw(250).Raw(0x89).OrderedDict().Op('t').Op('R').Op('s');
        });

        Refuses(Zip(pickle, ("0", Floats(1, 2))), "a size, a stride or an offset leaves its storage");
    }

    [Test]
    public void An_empty_tensor_whose_other_extents_overflow_is_refused()
    {
        var huge = BigInteger.Pow(2, 62);
        var pickle = PickleWriter.Of(p =>
            p.Op('}').Text("w").Tensor("FloatStorage", "0", 2, 0, [0, huge, huge], [1, 1, 1]).Op('s')
        );

        Refuses(Zip(pickle, ("0", Floats(1, 2))), "a size, a stride or an offset leaves its storage");
    }

    [Test]
    public void A_storage_that_is_shorter_than_it_says_or_missing_is_refused()
    {
        var pickle = PickleWriter.Of(p => p.Op('}').Text("w").Tensor("0", 3).Op('s'));
        var huge = PickleWriter.Of(p =>
            p.Op('}').Text("w").Tensor("DoubleStorage", "0", BigInteger.Pow(2, 62), 0, [1], [1]).Op('s')
        );

        Refuses(Zip(pickle, ("0", Floats(1, 2))), "found 8 bytes in storage '0', expected 3 elements of Float32");
        Refuses(Zip(pickle, ("1", Floats(1, 2, 3))), "found no storage '0'");
        Refuses(Zip(huge, ("0", Floats(1, 2))), "expected 4611686018427387904 elements of Float64");
        Refuses(Legacy(pickle, ("0", 2, Floats(1, 2))), "found no storage '0' of 3 Float32");
        Refuses(Legacy(pickle, ("0", int.MaxValue, Floats(1, 2))), "the file is truncated");
        Refuses(Legacy(pickle, ("7", 2, Floats(1, 2))), "found a storage '7' that no tensor uses");
    }

    [Test]
    public void A_bomb_of_compressed_entries_is_refused_before_it_is_unpacked()
    {
        using (var archive = ZipFile.Open(File, ZipArchiveMode.Create))
        {
            using var entry = archive.CreateEntry("archive/data.pkl", CompressionLevel.SmallestSize).Open();
            var zeros = new byte[1 << 20];
            for (var i = 0; i < 100; i++)
            {
                entry.Write(zeros);
            }
        }
        Assert.That(new FileInfo(File).Length, Is.LessThan(1 << 20));

        Refuses(System.IO.File.ReadAllBytes(File), "the entry 'archive/data.pkl' compressed (method 8)");
    }

    [Test]
    public void Truncated_files_are_refused_wherever_they_end()
    {
        var pickle = PickleWriter.Of(p => p.Op('}').Text("w").Tensor("0", 2).Op('s'));
        var legacy = PickleWriter.Of(p =>
            p.Op('}').Text("w").Tensor("FloatStorage", "0", 2, 0, [2], [1], legacy: true).Op('s')
        );
        foreach (var whole in new[] { Zip(pickle, ("0", Floats(1, 2))), Legacy(legacy, ("0", 2, Floats(1, 2))) })
        {
            Assert.That(Read(whole), Is.EqualTo(1));
            for (var length = 0; length < whole.Length; length += 3)
            {
                var part = whole[..length];
                Assert.That(
                    () => Read(part),
                    Throws.TypeOf<CheckpointException>(),
                    $"{length} of {whole.Length} bytes"
                );
            }
        }
    }

    [Test]
    public void Two_entries_of_one_name_and_no_entry_are_refused()
    {
        var pickle = PickleWriter.Of(p => p.Op('}'));

        Refuses(Archive(("a/data.pkl", pickle), ("a/data.pkl", pickle)), "found two entries named 'a/data.pkl'");
        Refuses(Archive(("a/data.pkl", pickle), ("b/data.pkl", pickle)), "found 2 entries named data.pkl");
        Refuses(Archive(("a/readme", pickle)), "found 0 entries named data.pkl");
        Refuses(
            Archive(("a/data.pkl", pickle), ("a/byteorder", "big"u8.ToArray())),
            "a byte order that is not 'little'"
        );
    }

    [Test]
    public void What_is_neither_layout_is_refused() =>
        Refuses(new byte[64], "found neither a zip archive nor a pickle of protocol 2");

    private int Read(byte[] content)
    {
        System.IO.File.WriteAllBytes(File, content);
        using var scope = torch.NewDisposeScope();
        using var file = TorchFile.Open(File);
        return file.Tensors.Keys.Select(file.Load).Count();
    }

    private void Refuses(byte[] content, params string[] messages)
    {
        var error = Assert.Throws<CheckpointException>(() => Read(content))!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Message, Does.StartWith(File));
            Assert.That(error.Message, Does.Not.Contain('\n'));
            foreach (var message in messages)
            {
                Assert.That(error.Message, Does.Contain(message));
            }
        }
    }
}
