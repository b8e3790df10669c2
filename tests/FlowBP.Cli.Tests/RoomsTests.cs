// Rooms, and arrows between them that run one way. Arrows are read from the compiled libraries: what is used counts, not what is written.

namespace FlowBP.Cli.Tests;

/// <summary>Types use the rooms that theirs may use: a room is a namespace with what is beneath, and comes after what it uses.</summary>
public class RoomsTests
{
    private static readonly (string Room, string[] Uses)[] s_rooms =
    [
        ("RandomStreams", []),
        ("Settings", []),
        ("Cuda", []),
        ("Distributed", []),
        ("Pictures", []),
        ("Shapes", ["RandomStreams"]),
        ("Kernels", ["Cuda"]),
        ("Torch", ["Kernels"]),
        ("Formats", ["Torch", "Settings"]),
        ("Surrogates", ["Torch", "RandomStreams", "Settings", "Kernels"]),
        ("Models.Layers", ["Torch", "Formats"]),
        ("Models.Schedulers", ["Torch", "Formats"]),
        ("Models.Original", ["Torch", "Formats"]),
        ("Models.Images", ["Torch"]),
        ("Models.Autoencoders", ["Torch", "Formats", "Models.Layers"]),
        ("Models.Tokenizers", ["Torch", "Formats"]),
        ("Models.Clip", ["Torch", "Formats", "Models.Layers", "Models.Tokenizers"]),
        ("Models.Transformers", ["Torch", "Kernels", "Formats", "Models.Layers"]),
        (
            "Models.TextEncoders",
            ["Torch", "Formats", "Models.Layers", "Models.Tokenizers", "Models.Clip", "Models.Transformers"]
        ),
        (
            "Models.Prompts",
            ["Torch", "Settings", "Formats", "Models.Layers", "Models.Tokenizers", "Models.Clip", "Models.TextEncoders"]
        ),
        ("Models.Rewards", ["Torch", "Formats", "Models.Layers", "Models.Images", "Models.Clip"]),
        ("Models.Adapters", ["Torch", "Settings", "RandomStreams", "Formats", "Models.Original"]),
        ("Families.Networks", ["Torch", "Kernels", "Surrogates", "Models.Transformers"]),
        (
            "Families.Tracing",
            ["Torch", "Models.Autoencoders", "Models.Transformers", "Models.Adapters", "Families.Networks"]
        ),
        (
            "Families",
            [
                "Torch",
                "Settings",
                "Kernels",
                "Formats",
                "Surrogates",
                "Models.Layers",
                "Models.Schedulers",
                "Models.Original",
                "Models.Autoencoders",
                "Models.Tokenizers",
                "Models.Clip",
                "Models.Transformers",
                "Models.TextEncoders",
                "Models.Prompts",
                "Models.Rewards",
                "Models.Adapters",
                "Families.Networks",
                "Families.Tracing",
            ]
        ),
        ("Training", ["Torch", "RandomStreams", "Settings", "Formats"]),
        ("Training.Ranks", ["Torch", "Distributed", "Settings", "Surrogates"]),
        ("Training.Optimization", ["Torch", "Settings", "Kernels", "Surrogates", "Distributed", "Training.Ranks"]),
        ("Training.Devices", ["Torch", "Settings", "Cuda", "Kernels"]),
        (
            "Training.Rewards",
            [
                "Torch",
                "Settings",
                "Formats",
                "Surrogates",
                "Models.Autoencoders",
                "Models.Tokenizers",
                "Models.Clip",
                "Models.Rewards",
                "Training",
            ]
        ),
        (
            "Training.Pipelines",
            [
                "Torch",
                "Settings",
                "Formats",
                "Surrogates",
                "Models.Autoencoders",
                "Models.Adapters",
                "Models.Prompts",
                "Families.Networks",
                "Families",
                "Training",
                "Training.Optimization",
                "Training.Devices",
                "Training.Rewards",
            ]
        ),
        (
            "Training.Configuration",
            [
                "Torch",
                "RandomStreams",
                "Settings",
                "Surrogates",
                "Families",
                "Training",
                "Training.Ranks",
                "Training.Optimization",
                "Training.Rewards",
                "Training.Pipelines",
            ]
        ),
        (
            "Training.Checkpoints",
            [
                "Torch",
                "Formats",
                "Models.Autoencoders",
                "Models.Adapters",
                "Families.Networks",
                "Families",
                "Training.Ranks",
                "Training.Optimization",
                "Training.Rewards",
                "Training.Pipelines",
                "Training.Configuration",
            ]
        ),
        (
            "Training.FlowMatching",
            [
                "Torch",
                "RandomStreams",
                "Pictures",
                "Shapes",
                "Surrogates",
                "Models.Autoencoders",
                "Models.Prompts",
                "Families",
                "Training",
                "Training.Ranks",
                "Training.Devices",
                "Training.Configuration",
                "Training.Pipelines",
            ]
        ),
        (
            "Training.Alignment",
            [
                "Torch",
                "RandomStreams",
                "Settings",
                "Surrogates",
                "Models.Schedulers",
                "Models.Adapters",
                "Families",
                "Training",
                "Training.Ranks",
                "Training.Optimization",
                "Training.Devices",
                "Training.Configuration",
                "Training.Rewards",
                "Training.Pipelines",
                "Training.FlowMatching",
            ]
        ),
        (
            "Training.Evaluation",
            [
                "Torch",
                "RandomStreams",
                "Pictures",
                "Formats",
                "Surrogates",
                "Families",
                "Training",
                "Training.Rewards",
                "Training.Pipelines",
            ]
        ),
        ("Training.EmbeddedWorld", ["Torch", "Shapes", "Families", "Training.Evaluation"]),
        (
            "Training.Runs",
            [
                "Torch",
                "Settings",
                "Pictures",
                "Formats",
                "Surrogates",
                "Models.Prompts",
                "Models.Adapters",
                "Families",
                "Distributed",
                "Training",
                "Training.Ranks",
                "Training.Optimization",
                "Training.Devices",
                "Training.Configuration",
                "Training.Checkpoints",
                "Training.Rewards",
                "Training.Pipelines",
                "Training.FlowMatching",
                "Training.Alignment",
                "Training.Evaluation",
                "Training.EmbeddedWorld",
            ]
        ),
        ("Training.Tables", []),
        (
            "Training.Diagnosis",
            [
                "Training.Tables",
                "Torch",
                "RandomStreams",
                "Settings",
                "Formats",
                "Surrogates",
                "Families",
                "Training",
                "Training.Devices",
                "Training.Configuration",
                "Training.Rewards",
                "Training.Pipelines",
                "Training.Alignment",
                "Training.Evaluation",
                "Training.Runs",
            ]
        ),
        (
            "Training.Studies",
            [
                "Training.Tables",
                "Torch",
                "Settings",
                "Formats",
                "Surrogates",
                "Families",
                "Training",
                "Training.Optimization",
                "Training.Devices",
                "Training.Configuration",
                "Training.Rewards",
                "Training.Pipelines",
                "Training.Alignment",
                "Training.Evaluation",
                "Training.EmbeddedWorld",
                "Training.Runs",
            ]
        ),
        (
            "Training.Planning",
            [
                "Torch",
                "RandomStreams",
                "Settings",
                "Formats",
                "Surrogates",
                "Models.Autoencoders",
                "Models.Clip",
                "Models.TextEncoders",
                "Families.Tracing",
                "Families.Networks",
                "Families",
                "Training",
                "Training.Rewards",
                "Training.Pipelines",
                "Training.Configuration",
                "Training.Alignment",
            ]
        ),
        (
            "Training.Pretraining",
            [
                "Torch",
                "RandomStreams",
                "Settings",
                "Shapes",
                "Formats",
                "Surrogates",
                "Models.Layers",
                "Models.Schedulers",
                "Models.Autoencoders",
                "Models.Tokenizers",
                "Models.Clip",
                "Models.Rewards",
                "Families.Networks",
                "Families",
                "Training",
                "Training.Optimization",
                "Training.Devices",
                "Training.Rewards",
                "Training.Pipelines",
                "Training.Configuration",
            ]
        ),
        (
            "Verification",
            [
                "Torch",
                "RandomStreams",
                "Settings",
                "Kernels",
                "Formats",
                "Surrogates",
                "Models.Layers",
                "Models.Images",
                "Models.Autoencoders",
                "Models.Tokenizers",
                "Models.Clip",
                "Models.Transformers",
                "Models.TextEncoders",
                "Models.Rewards",
                "Families.Networks",
                "Families",
                "Training.Devices",
                "Training.Rewards",
            ]
        ),
        (
            "Cli",
            [
                "Torch",
                "RandomStreams",
                "Settings",
                "Cuda",
                "Distributed",
                "Pictures",
                "Formats",
                "Surrogates",
                "Families.Tracing",
                "Families",
                "Training",
                "Training.Ranks",
                "Training.Optimization",
                "Training.Devices",
                "Training.Rewards",
                "Training.Pipelines",
                "Training.Configuration",
                "Training.Alignment",
                "Training.Evaluation",
                "Training.Runs",
                "Training.Tables",
                "Training.Diagnosis",
                "Training.Studies",
                "Training.Planning",
                "Training.Pretraining",
                "Verification",
            ]
        ),
    ];

    private static readonly Dictionary<string, string[]> s_uses = s_rooms.ToDictionary(
        row => row.Room,
        row => row.Uses
    );

    [Test]
    public void Rooms_come_after_what_they_use()
    {
        for (var i = 0; i < s_rooms.Length; i++)
        {
            Assert.That(s_rooms[..i].Select(row => row.Room), Is.SupersetOf(s_rooms[i].Uses), s_rooms[i].Room);
        }
    }

    [Test]
    public void Types_use_what_their_room_may_use()
    {
        var arrows = CompiledArrows
            .Libraries()
            .SelectMany(module => CompiledArrows.Of(module, s_uses.Keys))
            .Distinct()
            .Where(arrow => arrow.From != arrow.To)
            .ToArray();
        Assert.That(arrows, Has.Length.GreaterThan(s_rooms.Length));
        var others = arrows
            .Where(arrow => !s_uses.TryGetValue(arrow.From, out var uses) || !uses.Contains(arrow.To))
            .GroupBy(arrow => (arrow.From, arrow.To))
            .Select(group =>
                $"{group.Key.From} -> {group.Key.To}: {string.Join(", ", group.Select(arrow => arrow.Type).Take(3))}"
            );
        Assert.That(string.Join('\n', others), Is.Empty);
    }

    [Test]
    public void Every_room_is_there() =>
        Assert.That(
            CompiledArrows
                .Libraries()
                .SelectMany(module => module.Types)
                .Select(type => CompiledArrows.RoomOf(type, s_uses.Keys))
                .OfType<string>()
                .Distinct(),
            Is.EquivalentTo(s_uses.Keys)
        );
}
