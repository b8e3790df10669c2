// Properties are checked on random addresses: FsCheck varies (and shrinks) the numbers, the world's own streams turn
// them into prompts and scenes.
using FlowBP.RandomStreams;
using FsCheck;
using FsCheck.Fluent;

namespace FlowBP.Shapes.Tests;

internal static class Draws
{
    private static readonly Config s_config = Config.QuickThrowOnFailure.WithMaxTest(1000).WithEndSize(1_000_000);

    public static void ForAll(Action<int> property) => Prop.ForAll(property).Check(s_config);

    public static void ForAll(Action<int, int> property) => Prop.ForAll(property).Check(s_config);

    public static (RandomStream Stream, Prompt Prompt, Scene Scene) Sample(int seed)
    {
        var stream = RandomStream.For((ulong)(uint)seed, 0, 0, RandomPurpose.Data);
        var prompt = PromptSets.Draw(stream, PromptSplit.All);
        return (stream, prompt, SceneSampler.Sample(stream, prompt));
    }
}
