using System.Reflection;
using System.Runtime.Loader;
using FlowBP.Pictures;

namespace FlowBP.Shapes.Tests;

/// <summary>
/// A machine on which a native library does not load: the same assemblies, loaded once more where that library can't be found.
/// </summary>
public sealed class MissingLibraryTests
{
    [Test]
    public void Without_Skia_a_grid_is_left_out_and_that_is_said_once()
    {
        (var files, var notices) = Encode("libSkiaSharp");
        Assert.That(files, Is.All.Null);
        Assert.That(notices, Has.Count.EqualTo(1));
        Assert.That(
            notices[0],
            Does.StartWith(
                    "a.png is left out, and others for the same reason: pictures need SkiaSharp's native library"
                )
                .And.Contain("libSkiaSharp is missing")
                .And.Not.Contain("\n")
        );
    }

    [Test]
    public void Without_HarfBuzz_a_grid_has_its_pictures_and_no_labels()
    {
        (var files, var notices) = Encode("libHarfBuzzSharp");
        Assert.That(
            notices,
            Is.EqualTo(
                new[]
                {
                    "the pictures have no labels: HarfBuzzSharp's native library does not load here (libHarfBuzzSharp is missing)",
                }
            )
        );
        var image = PictureFile.Decode(files[0]);
        // As without a caption: a picture of 194 pixels and margins.
        Assert.That((image.Width, image.Height), Is.EqualTo((242, 242)));
        Assert.That(files[1], Is.EqualTo(files[0]));
    }

    [Test]
    public void Files_need_Skia_and_say_so()
    {
        var file = new Without("libSkiaSharp").Pictures.GetType(typeof(PictureFile).FullName!)!;
        var error = Assert.Throws<TargetInvocationException>(() =>
            file.GetMethod(nameof(PictureFile.RequireLibrary))!.Invoke(null, null)
        );
        Assert.That(error!.InnerException!.GetType().Name, Is.EqualTo(nameof(PicturesUnavailableException)));
    }

    // Two grids by one writer, all by reflection: the types there are not those here.
    private static (byte[]?[] Files, List<string> Notices) Encode(string library)
    {
        var pictures = new Without(library).Pictures;
        var gridType = pictures.GetType(typeof(ImageGrid).FullName!)!;
        var cellType = pictures.GetType(typeof(ImageGridCell).FullName!)!;
        var cell = Activator.CreateInstance(cellType, new ReadOnlyMemory<float>(new float[Scene.ImageLength]))!;
        cellType.GetProperty(nameof(ImageGridCell.Caption))!.SetValue(cell, "a caption");
        var row = Array.CreateInstance(cellType, 1);
        row.SetValue(cell, 0);
        var rows = Array.CreateInstance(row.GetType(), 1);
        rows.SetValue(row, 0);
        var grid = Activator.CreateInstance(gridType)!;
        gridType.GetProperty(nameof(ImageGrid.Rows))!.SetValue(grid, rows);

        List<string> notices = [];
        var writerType = pictures.GetType(typeof(GridWriter).FullName!)!;
        var writer = Activator.CreateInstance(writerType, (Action<string>)notices.Add, null)!;
        var encode = writerType.GetMethod(nameof(GridWriter.Encode))!;
        byte[]?[] files = [.. new[] { "a.png", "b.png" }.Select(name => (byte[]?)encode.Invoke(writer, [grid, name]))];
        return (files, notices);
    }

    /// <summary>Loads assemblies of this folder anew, and not one of the native libraries.</summary>
    private sealed class Without(string library) : AssemblyLoadContext("without " + library)
    {
        private static readonly string[] s_own = ["FlowBP.Pictures", "SkiaSharp", "HarfBuzzSharp"];

        public Assembly Pictures => LoadFromAssemblyName(new("FlowBP.Pictures"));

        protected override Assembly? Load(AssemblyName name) =>
            s_own.Contains(name.Name)
                ? LoadFromAssemblyPath(Path.Combine(AppContext.BaseDirectory, name.Name + ".dll"))
                : null;

        protected override IntPtr LoadUnmanagedDll(string name) =>
            name == library ? throw new DllNotFoundException(name + " is missing") : IntPtr.Zero;
    }
}
