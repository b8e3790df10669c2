// Pictures before a judge sees them.

using FlowBP.Models.Images;
using FlowBP.Models.Rewards;
using static FlowBP.Tests.Misfits.Given;
using static FlowBP.Tests.Misfits.Misfit;

namespace FlowBP.Tests.Misfits;

/// <summary>Calls that change pictures' sizes and values.</summary>
internal static class PictureMisfits
{
    public static IEnumerable<Misfit> All() =>
        [
            Of("preprocessing of a row", () => ClipImagePreprocessing.Apply(torch.ones(3), 8), "[3]", "[B, 3, Y, X]"),
            Of(
                "preprocessing of grey",
                () => ClipImagePreprocessing.Apply(torch.ones(1, 1, 4, 4), 8),
                "[1, 1, 4, 4]",
                "[B, 3, Y, X]"
            ),
            Of(
                "preprocessing of nothing",
                () => ClipImagePreprocessing.Apply(torch.ones(1, 3, 0, 4), 8),
                "[1, 3, 0, 4]"
            ),
            Of("preprocessing of a disposed picture", () => ClipImagePreprocessing.Apply(Disposed(), 8), "disposed"),
            Of("resizing of a number", () => BicubicResize.Resize(torch.tensor(1f), 2, 2), "[]", "[B, C, Y, X]"),
            Of(
                "resizing of integers",
                () => BicubicResize.Resize(torch.ones([1, 1, 4, 4], ScalarType.Int64), 2, 2),
                "Int64"
            ),
        ];
}
