// The cache with a compiler that only counts: what is compiled again, what is not, and what a damaged or foreign file can do.

using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text;

namespace FlowBP.Cuda.Tests;

[UnsupportedOSPlatform("windows")]
public class CompiledKernelCacheTests
{
    private static readonly KernelSource s_source = new(
        "replay.cu",
        "text",
        new Dictionary<string, string> { ["a.cuh"] = "one", ["b.cuh"] = "two" }
    );

    private static readonly KernelIdentity s_identity = new(
        s_source,
        new(new(9, 0), KernelCodeKind.Cubin),
        ["--fmad=false", "--std=c++17"],
        "NVRTC 12.4 libnvrtc.so.12 1 2",
        "libnvrtc-builtins.so.12.4 3 4"
    );

    private readonly List<string> notices = [];
    private TemporaryFolder folder = null!;
    private int compilations;

    private string CachePath => folder.Path("cache/flowbp/kernels");

    [SetUp]
    public void SetUp()
    {
        folder = new TemporaryFolder();
        notices.Clear();
        compilations = 0;
    }

    [TearDown]
    public void TearDown() => folder.Dispose();

    [Test]
    public void Code_is_compiled_once_and_comes_back_as_it_was_in_another_process_too()
    {
        var first = NewCache().Get(s_identity, Compile);
        var second = NewCache().Get(s_identity, Compile);

        Assert.That(compilations, Is.EqualTo(1));
        Assert.That(second.Image.ToArray(), Is.EqualTo(first.Image.ToArray()));
        Assert.That(second.Kind, Is.EqualTo(first.Kind));
        Assert.That(second.Log, Is.EqualTo("a warning: µ"));
        Assert.That(notices, Is.Empty);
    }

    private static IEnumerable<TestCaseData> Changes()
    {
        static TestCaseData Case(string name, KernelIdentity changed) =>
            new TestCaseData(changed).SetArgDisplayNames(name);

        var headers = s_source.Headers;
        yield return Case("text", With(s_source with { Text = "text " }));
        yield return Case("name", With(s_source with { Name = "replay2.cu" }));
        yield return Case("header's text", With(s_source with { Headers = Replaced("a.cuh", "one ") }));
        yield return Case(
            "header's name",
            With(
                s_source with
                {
                    Headers = new Dictionary<string, string> { ["c.cuh"] = "one", ["b.cuh"] = "two" },
                }
            )
        );
        yield return Case(
            "one header less",
            With(s_source with { Headers = new Dictionary<string, string> { ["a.cuh"] = "one" } })
        );
        yield return Case(
            "headers swapped",
            With(
                s_source with
                {
                    Headers = new Dictionary<string, string> { ["a.cuh"] = "two", ["b.cuh"] = "one" },
                }
            )
        );
        yield return Case("architecture", s_identity with { Target = new(new(8, 0), KernelCodeKind.Cubin) });
        yield return Case("kind of code", s_identity with { Target = new(new(9, 0), KernelCodeKind.Ptx) });
        yield return Case("option", s_identity with { Options = ["--fmad=true", "--std=c++17"] });
        yield return Case("order of options", s_identity with { Options = ["--std=c++17", "--fmad=false"] });
        yield return Case("one option less", s_identity with { Options = ["--fmad=false"] });
        yield return Case("boundary of options", s_identity with { Options = ["--fmad=false-", "-std=c++17"] });
        yield return Case("compiler", s_identity with { Compiler = "NVRTC 12.5 libnvrtc.so.12 1 2" });
        yield return Case("builtins", s_identity with { Builtins = "libnvrtc-builtins.so.12.4 3 5" });

        static KernelIdentity With(KernelSource source) => s_identity with { Source = source };

        Dictionary<string, string> Replaced(string name, string text) => new(headers) { [name] = text };
    }

    [TestCaseSource(nameof(Changes))]
    public void Code_is_compiled_again_for_another(object changed)
    {
        NewCache().Get(s_identity, Compile);
        NewCache().Get((KernelIdentity)changed, Compile);

        Assert.That(compilations, Is.EqualTo(2));
    }

    [Test]
    public void The_order_of_headers_in_a_dictionary_does_not_matter()
    {
        var reversed = new Dictionary<string, string> { ["b.cuh"] = "two", ["a.cuh"] = "one" };

        Assert.That(
            (s_identity with { Source = s_source with { Headers = reversed } }).Hash(),
            Is.EqualTo(s_identity.Hash())
        );
    }

    private static IEnumerable<TestCaseData> Damages()
    {
        static TestCaseData Case(string name, Func<byte[], byte[]> damage) =>
            new TestCaseData(damage).SetArgDisplayNames(name);

        yield return Case("empty", _ => []);
        yield return Case("cut short", entry => entry[..^1]);
        yield return Case("cut within the hash", entry => entry[..20]);
        yield return Case("longer", entry => [.. entry, 0]);
        yield return Case("last bit", entry => Flipped(entry, entry.Length - 1));
        yield return Case("first bit of the hash", entry => Flipped(entry, 0));
        yield return Case("length of the log", entry => Flipped(entry, 32));
        yield return Case("other text", _ => Encoding.ASCII.GetBytes(new string('x', 100)));

        static byte[] Flipped(byte[] entry, int at)
        {
            var copy = (byte[])entry.Clone();
            copy[at] ^= 1;
            return copy;
        }
    }

    [TestCaseSource(nameof(Damages))]
    public void A_damaged_entry_is_compiled_anew_and_replaced(Func<byte[], byte[]> damage)
    {
        NewCache().Get(s_identity, Compile);
        var entry = Entries().Single();
        File.WriteAllBytes(entry, damage(File.ReadAllBytes(entry)));

        var code = NewCache().Get(s_identity, Compile);
        NewCache().Get(s_identity, Compile);

        Assert.That(compilations, Is.EqualTo(2));
        Assert.That(code.Image.ToArray(), Is.EqualTo(Compile().Image.ToArray()));
    }

    [Test]
    public void An_entry_under_another_entrys_name_is_not_taken_for_it()
    {
        var other = s_identity with { Compiler = "another" };
        NewCache().Get(s_identity, Compile);
        var entry = Entries().Single();
        File.Move(entry, Path.Combine(CachePath, $"{other.Hash()}.kernel"));

        NewCache().Get(other, Compile);

        Assert.That(compilations, Is.EqualTo(2));
    }

    [Test]
    public void Many_writers_and_readers_at_once_see_whole_entries_only()
    {
        var image = Enumerable.Range(0, 1 << 18).Select(i => (byte)i).ToArray();
        var wrong = 0;

        Parallel.For(
            0,
            64,
            new ParallelOptions { MaxDegreeOfParallelism = 8 },
            i =>
            {
                var cache = NewCache();
                var identity = s_identity with { Compiler = $"{i % 4}" };
                var code = cache.Get(identity, () => new(KernelCodeKind.Cubin, image, ""));
                if (!code.Image.Span.SequenceEqual(image))
                {
                    Interlocked.Increment(ref wrong);
                }
                // Every other round finds nothing: the next writer replaces what another may be reading.
                if (i % 2 == 0)
                {
                    var damaged = folder.File($"damaged{i}");
                    File.Move(damaged, Path.Combine(CachePath, $"{identity.Hash()}.kernel"), overwrite: true);
                }
            }
        );

        Assert.That(wrong, Is.Zero);
        Assert.That(notices, Is.Empty);
        Assert.That(Directory.GetFiles(CachePath, "*.tmp"), Is.Empty);
    }

    [Test]
    public void Folder_and_entries_are_the_owners_alone()
    {
        NewCache().Get(s_identity, Compile);

        const UnixFileMode ownerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        const UnixFileMode ownerFolder = ownerFile | UnixFileMode.UserExecute;
        Assert.That(File.GetUnixFileMode(CachePath), Is.EqualTo(ownerFolder));
        Assert.That(File.GetUnixFileMode(folder.Path("cache/flowbp")), Is.EqualTo(ownerFolder));
        Assert.That(File.GetUnixFileMode(Entries().Single()), Is.EqualTo(ownerFile));
    }

    [TestCase(UnixFileMode.GroupWrite)]
    [TestCase(UnixFileMode.OtherWrite)]
    public void A_folder_that_others_may_write_to_is_not_used_which_is_said_once(UnixFileMode others)
    {
        Directory.CreateDirectory(CachePath);
        File.SetUnixFileMode(CachePath, File.GetUnixFileMode(CachePath) | others);
        var cache = NewCache();

        cache.Get(s_identity, Compile);
        cache.Get(s_identity, Compile);

        Assert.That(compilations, Is.EqualTo(2));
        Assert.That(Entries(), Is.Empty);
        Assert.That(notices, Has.Count.EqualTo(1));
        Assert.That(notices[0], Does.Contain("other users may write to").And.Contain($"chmod 700 '{CachePath}'"));
    }

    [Test]
    public void A_folder_of_another_user_is_not_used()
    {
        // Only the superuser can make one.
        if (Environment.UserName != "root")
        {
            Assert.Ignore("needs the right to give a folder to another user: run it as root");
        }
        Directory.CreateDirectory(CachePath);
        using (var chown = Process.Start("chown", ["12345", CachePath]))
        {
            chown.WaitForExit();
            Assert.That(chown.ExitCode, Is.Zero);
        }

        NewCache().Get(s_identity, Compile);

        Assert.That(
            notices,
            Is.EqualTo([$"flowbp: compiled kernels are not kept: {CachePath} belongs to another user"])
        );
        Assert.That(Entries(), Is.Empty);
    }

    [Test]
    public void A_place_that_is_no_folder_costs_the_cache_and_nothing_else()
    {
        folder.File("cache/flowbp");
        var cache = NewCache();

        cache.Get(s_identity, Compile);
        var code = cache.Get(s_identity, Compile);

        Assert.That(code.Image.ToArray(), Is.EqualTo(Compile().Image.ToArray()));
        Assert.That(notices, Has.Count.EqualTo(1));
    }

    [Test]
    public void A_folder_that_goes_away_during_a_run_costs_the_cache_and_nothing_else()
    {
        var cache = NewCache();
        cache.Get(s_identity, Compile);
        Directory.Delete(CachePath, recursive: true);

        cache.Get(s_identity, Compile);
        cache.Get(s_identity, Compile);

        Assert.That(compilations, Is.EqualTo(3));
        Assert.That(notices, Has.Count.EqualTo(1));
    }

    [Test]
    public void A_compilation_that_fails_leaves_no_entry()
    {
        var cache = NewCache();

        Assert.That(
            () => cache.Get(s_identity, () => throw new InvalidOperationException("does not compile")),
            Throws.InvalidOperationException
        );
        Assert.That(Entries(), Is.Empty);
    }

    [TestCase("/xdg", "/home/a", ExpectedResult = "/xdg/flowbp/kernels")]
    [TestCase(null, "/home/a", ExpectedResult = "/home/a/.cache/flowbp/kernels")]
    [TestCase("", "/home/a", ExpectedResult = "/home/a/.cache/flowbp/kernels")]
    [TestCase("relative", "/home/a", ExpectedResult = "/home/a/.cache/flowbp/kernels")]
    [TestCase(null, null, ExpectedResult = null)]
    public string? The_folder_is_where_the_environment_says(string? cache, string? home) =>
        CompiledKernelCache.DefaultFolder(name =>
            name switch
            {
                "XDG_CACHE_HOME" => cache,
                "HOME" => home,
                _ => null,
            }
        );

    [Test]
    public void Without_a_folder_everything_is_compiled()
    {
        var cache = new CompiledKernelCache(null, notices.Add);

        cache.Get(s_identity, Compile);
        cache.Get(s_identity, Compile);

        Assert.That(compilations, Is.EqualTo(2));
        Assert.That(notices, Is.Empty);
    }

    [Test]
    public void What_the_compiler_makes_is_kept_and_depends_on_its_options()
    {
        var compiler = Requirement.Compiler();
        var target = new KernelTarget(compiler.Library.SupportedArchitectures[^1], KernelCodeKind.Ptx);
        var cache = NewCache();

        var compiled = cache.Compile(compiler, TestKernels.Axpy, target);
        var kept = cache.Compile(compiler, TestKernels.Axpy, target);
        cache.Compile(compiler, TestKernels.Axpy, target, "--use_fast_math");

        Assert.That(kept.Image.ToArray(), Is.EqualTo(compiled.Image.ToArray()));
        Assert.That(Entries(), Has.Length.EqualTo(2));
    }

    [Test]
    public void A_compilers_file_is_told_from_another_of_its_name()
    {
        var file = folder.File("libnvrtc.so.12");
        var before = KernelIdentity.OfFile(file);

        File.WriteAllText(file, "another release");

        Assert.That(KernelIdentity.OfFile(file), Is.Not.EqualTo(before));
    }

    [Test]
    public unsafe void The_structure_that_tells_a_folders_owner_has_the_kernels_layout()
    {
        Assert.That(sizeof(FolderOwner.StatX), Is.EqualTo(256));
        Assert.That(Offset(nameof(FolderOwner.StatX.Uid)), Is.EqualTo(20));
        Assert.That(Offset(nameof(FolderOwner.StatX.Mode)), Is.EqualTo(28));

        static int Offset(string field) =>
            (int)System.Runtime.InteropServices.Marshal.OffsetOf<FolderOwner.StatX>(field);
    }

    private CompiledKernelCache NewCache() =>
        new(
            CachePath,
            notice =>
            {
                lock (notices)
                {
                    notices.Add(notice);
                }
            }
        );

    private KernelCode Compile()
    {
        compilations++;
        return new(KernelCodeKind.Cubin, new byte[] { 1, 2, 3, 4, 5 }, "a warning: µ");
    }

    private string[] Entries() => Directory.Exists(CachePath) ? Directory.GetFiles(CachePath) : [];
}
