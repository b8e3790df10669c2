// Fixtures of the text encoders.
//
// Shapes: B batch, L tokens, D width.

using FlowBP.Families.SD3;
using FlowBP.Formats;
using FlowBP.Models.Clip;
using FlowBP.Models.Layers;
using FlowBP.Models.TextEncoders;

namespace FlowBP.Verification.Networks;

internal sealed class T5EncoderFixture : INetworkFixture
{
    public bool Matches(FixtureFolder fixture) => fixture.Network.Contains(nameof(T5EncoderModel));

    public void Check(FixtureFolder fixture, Comparison comparison)
    {
        using var noGrad = torch.no_grad();
        var model = new T5EncoderModel(T5Config.Read(fixture.ConfigFile));
        TransformersWeights.LoadInto(model, fixture.WeightsFile, T5EncoderModel.Names);
        fixture.Placed(model);
        var ids_BL = fixture.Load("in.input_ids");
        comparison.Tensors("out.no_mask", model.call(ids_BL), fixture.Load("out.no_mask"));
        var mask_BL = fixture.Load("in.attention_mask");
        comparison.Tensors("out.with_mask", model.Encode(ids_BL, mask_BL), fixture.Load("out.with_mask"));
    }
}

internal sealed class Qwen3TextFixture : INetworkFixture
{
    public bool Matches(FixtureFolder fixture) => fixture.Network.Contains("Qwen3ForCausalLM");

    public void Check(FixtureFolder fixture, Comparison comparison)
    {
        using var noGrad = torch.no_grad();
        var config = Qwen3Config.Read(fixture.ConfigFile);
        var ids_BL = fixture.Load("in.input_ids");
        var mask_BL = fixture.Load("in.attention_mask");
        var whole = new Qwen3TextEncoder(config);
        TransformersWeights.LoadInto(whole, fixture.WeightsFile, whole.Names);
        fixture.Placed(whole);
        var states = whole.call(ids_BL, mask_BL);
        for (var i = 0; i < states.Count; i++)
        {
            comparison.Tensors($"out.hidden_states.{i}", states[i], fixture.Load($"out.hidden_states.{i}"));
        }
        var language = fixture.Loaded(new Qwen3ForCausalLM(config));
        comparison.Tensors("out.logits", language.call(ids_BL, mask_BL), fixture.Load("out.logits"));
        int[] layers = [.. fixture.Meta.GetProperty("layers").EnumerateArray().Select(layer => layer.GetInt32())];
        // As prompts are encoded: only the layers that are needed.
        var cut = new Qwen3TextEncoder(config, layers.Max());
        TransformersWeights.LoadInto(cut, fixture.WeightsFile, cut.Names);
        fixture.Placed(cut);
        var prompt_BLE = cut.EncodeLayers(ids_BL, mask_BL, layers);
        comparison.Tensors("out.prompt_embeds", prompt_BLE, fixture.Load("out.prompt_embeds"));
    }
}

internal sealed class SD3EncodePromptFixture : INetworkFixture
{
    // Three networks and no config.json: known by its tensors.
    public bool Matches(FixtureFolder fixture) => fixture.Has("in.ids_clip_l") && fixture.Has("in.ids_t5");

    public void Check(FixtureFolder fixture, Comparison comparison)
    {
        using var noGrad = torch.no_grad();
        CLIPTextModelWithProjection Clip(string name)
        {
            var config = Path.Combine(fixture.Folder, $"{name}.config.json");
            var tower = new CLIPTextModelWithProjection(ClipTextConfig.Read(config));
            Checkpoint.LoadInto(tower, Path.Combine(fixture.Folder, $"{name}.safetensors"));
            return fixture.Placed(tower);
        }
        var t5 = new T5EncoderModel(T5Config.Read(Path.Combine(fixture.Folder, "t5.config.json")));
        TransformersWeights.LoadInto(t5, Path.Combine(fixture.Folder, "t5.safetensors"), T5EncoderModel.Names);
        fixture.Placed(t5);
        var conditioning = SD3PromptAssembly.Encode(
            [(Clip("clip_l"), fixture.Load("in.ids_clip_l")), (Clip("clip_g"), fixture.Load("in.ids_clip_g"))],
            t5.Config.DModel,
            t5.call(fixture.Load("in.ids_t5"))
        );
        comparison.Tensors("out.prompt_embeds", conditioning.Text_BLE, fixture.Load("out.prompt_embeds"));
        comparison.Tensors("out.pooled", conditioning.Pooled_BP, fixture.Load("out.pooled"));
    }
}
