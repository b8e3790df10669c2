// What is no plain adapter of the transformer is refused as what it is; nothing of a file is left out in silence.

using FlowBP.Formats;
using FlowBP.Models.Adapters;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests;

public sealed class AdapterRefusalTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [TestCase("transformer.x_embedder.dora_scale", "DoRA")]
    [TestCase("base_model.model.x_embedder.lora_magnitude_vector.weight", "DoRA")]
    [TestCase("lora_unet_img_in.lokr_w1", "LoKr")]
    [TestCase("lora_unet_img_in.lokr_w2_a", "LoKr")]
    [TestCase("lycoris_x_embedder.hada_w1_a", "LoHa")]
    [TestCase("lora_unet_img_in.lora_mid.weight", "Tucker")]
    [TestCase("lora_unet_img_in.oft_blocks", "OFT")]
    [TestCase("diffusion_model.img_in.diff", "whole differences")]
    [TestCase("diffusion_model.img_in.diff_b", "biases")]
    [TestCase("double_blocks.0.img_attn.qkv.lora_B.bias", "biases")]
    [TestCase("double_blocks.0.img_attn.norm.query_norm.scale", "norms")]
    [TestCase("base_model.model.proj_out.modules_to_save.weight", "modules_to_save")]
    [TestCase("bundle_emb.x.clip_l", "embeddings")]
    [TestCase("base_model.model.x_embedder.base_layer.weight", "base_layer")]
    public void Another_kind_of_adapter_is_named(string tensor, string kind) =>
        Refuses(Does.Contain("is an adapter of another kind").And.Contain(kind).And.Contain(tensor), tensor);

    [TestCase("text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_A.weight", "text_encoder")]
    [TestCase("text_encoder_2.text_model.encoder.layers.0.mlp.fc1.lora_A.weight", "text_encoder_2")]
    [TestCase("lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", "text_encoder (lora_te1)")]
    [TestCase("lora_te3_encoder_block_0_layer_0_SelfAttention_q.alpha", "text_encoder_3 (lora_te3)")]
    [TestCase("text_encoders.clip_l.transformer.text_model.x.lora_up.weight", "the text encoders")]
    [TestCase("text_model.encoder.layers.0.self_attn.q_proj.lora_A.weight", "text_encoder")]
    [TestCase("te1_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight", "a text encoder")]
    [TestCase("base_model.model.text_encoder.text_model.encoder.layers.0.mlp.fc1.lora_A.weight", "a text encoder")]
    [TestCase(
        "conditioner.embedders.0.transformer.text_model.encoder.layers.0.mlp.fc1.lora_A.weight",
        "a text encoder"
    )]
    [TestCase(
        "lora_text_encoder_1_text_model_encoder_layers_0_mlp_fc1.lora_down.weight",
        "a text encoder (lora_text_encoder)"
    )]
    [TestCase("encoder.block.0.layer.0.SelfAttention.q.lora_A.weight", "a text encoder")]
    [TestCase("encoder.layers.3.self_attn.out_proj.lora_A.weight", "a text encoder")]
    [TestCase("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", "a text encoder")]
    [TestCase("model.layers.0.mlp.gate_proj.lora_A.weight", "a text encoder")]
    public void A_part_for_a_text_encoder_is_named(string tensor, string part) =>
        Refuses(Does.Contain($"also changes {part}; changes of a text encoder are not supported"), tensor);

    [TestCase("unet.down_blocks.0.x.lora_A.weight", "U-Net")]
    [TestCase("down_blocks.0.attentions.0.attn1.processor.to_q_lora.down.weight", "U-Net")]
    [TestCase("lora_unet_input_blocks_1_1_proj_in.lora_down.weight", "U-Net")]
    public void An_adapter_of_another_network_is_named(string tensor, string network) =>
        Refuses(Does.Contain("is an adapter of").And.Contain(network), tensor);

    [TestCase("diffusion_model.double_blocks.7.img_attn.qkv", "no linear layer double_blocks.7.img_attn.qkv")]
    [TestCase("lora_unet_double_blocks_0_img_attn_norm", "no linear layer double_blocks_0_img_attn_norm")]
    public void A_layer_that_the_network_lacks_is_named(string layer, string message) =>
        Refuses(Does.Contain(message), $"{layer}.lora_A.weight", $"{layer}.lora_B.weight");

    [Test]
    public void The_rows_of_a_fused_layer_are_those_of_its_parts()
    {
        using var scope = torch.NewDisposeScope();
        Write(
            ("lora_unet_single_blocks_0_linear1.lora_down.weight", Waves(2, 16)),
            ("lora_unet_single_blocks_0_linear1.lora_up.weight", Waves(111, 2))
        );
        Refuses(Does.Contain("found Float32 [111, 2], expected [112, 2]"));
    }

    [Test]
    public void A_layer_that_is_changed_twice_is_named()
    {
        using var scope = torch.NewDisposeScope();
        Write(
            ("diffusion_model.double_blocks.0.img_attn.qkv.lora_A.weight", Waves(2, 16)),
            ("diffusion_model.double_blocks.0.img_attn.qkv.lora_B.weight", Waves(48, 2)),
            ("transformer.transformer_blocks.0.attn.to_k.lora_A.weight", Waves(2, 16)),
            ("transformer.transformer_blocks.0.attn.to_k.lora_B.weight", Waves(16, 2))
        );
        Refuses(Does.Contain("two changes of the layer transformer_blocks.0.attn.to_k"));
    }

    [Test]
    public void A_file_without_factors_is_no_adapter()
    {
        using var scope = torch.NewDisposeScope();
        Write(("double_blocks.0.img_attn.qkv.weight", Waves(48, 16)));
        Refuses(Does.Contain("is no low-rank adapter"));
    }

    [TestCase("""{"peft_type":"LOKR"}""", "key 'peft_type': found \"LOKR\"")]
    [TestCase("""{"use_dora":true}""", "key 'use_dora': found true")]
    [TestCase("""{"bias":"all"}""", "key 'bias'")]
    [TestCase("""{"lora_bias":true}""", "key 'lora_bias'")]
    [TestCase("""{"fan_in_fan_out":true}""", "key 'fan_in_fan_out'")]
    [TestCase("""{"modules_to_save":["proj_out"]}""", "key 'modules_to_save'")]
    [TestCase("""{"layer_replication":[[0,4]]}""", "key 'layer_replication'")]
    [TestCase("""{"init_lora_weights":"pissa_niter_4"}""", "key 'init_lora_weights': found \"pissa_niter_4\"")]
    [TestCase("""{"init_lora_weights":"lora_ga"}""", "key 'init_lora_weights': found \"lora_ga\"")]
    [TestCase("""{"init_lora_weights":"mystery"}""", "key 'init_lora_weights': found \"mystery\"")]
    [TestCase("""{"use_dora":"true"}""", "key 'use_dora': found \"true\", expected true or false")]
    [TestCase("""{"use_rslora":1}""", "key 'use_rslora': found 1, expected true or false")]
    [TestCase("""{"alora_invocation_tokens":[1]}""", "key 'alora_invocation_tokens'")]
    [TestCase("""{"lora_alpha":null}""", "key 'lora_alpha': found null, expected a number")]
    [TestCase("""{"r":8,"lora_alpha":8}""", "found rank 8 for x_embedder, whose factors have rank 2")]
    [TestCase("""{"r":2,"lora_alpha":"8"}""", "key 'lora_alpha': found \"8\", expected a number")]
    [TestCase("""[]""", "found no JSON object")]
    public void PEFT_settings_that_cannot_be_honoured_are_named(string config, string message)
    {
        using var scope = torch.NewDisposeScope();
        File.WriteAllText(folder.Of("adapter_config.json"), config);
        Write(
            "adapter_model.safetensors",
            ("base_model.model.x_embedder.lora_A.weight", Waves(2, 8)),
            ("base_model.model.x_embedder.lora_B.weight", Waves(16, 2))
        );
        Refuses(Does.StartWith(folder.Of("adapter_config.json")).And.Contain(message));
    }

    [Test]
    public void Several_files_and_no_usual_name_are_listed()
    {
        using var scope = torch.NewDisposeScope();
        Write("one.safetensors", ("a.lora_A.weight", Waves(2, 8)));
        Write("two.safetensors", ("a.lora_A.weight", Waves(2, 8)));
        Refuses(Does.Contain("found 2 files of weights (one.safetensors, two.safetensors)"));
    }

    [Test]
    public void An_empty_folder_says_what_is_expected() => Refuses(Does.Contain("found no adapter in this folder"));

    [TestCase("transformer.x_embedder.lora_alpha")]
    [TestCase("transformer.x_embedder.scale")]
    [TestCase("transformer.x_embedder.weight")]
    public void A_tensor_that_means_nothing_in_an_adapter_is_named(string tensor) =>
        Refuses(Does.Contain($"tensor '{tensor}': found a tensor that is no factor of a LoRA"), tensor);

    private void Refuses(NUnit.Framework.Constraints.Constraint message, params string[] tensors)
    {
        using var scope = torch.NewDisposeScope();
        if (tensors.Length > 0)
        {
            Write([
                ("transformer.context_embedder.lora_A.weight", Waves(2, 12)),
                ("transformer.context_embedder.lora_B.weight", Waves(16, 2)),
                .. tensors.Select(name => (name, Waves(2, 2))),
            ]);
        }
        using nn.Module model = Flux();
        var error = Assert.Throws<CheckpointException>(() => LoraAdapter.Load(model, folder.Path))!;
        Assert.That(error.Message, message.And.Not.Contain("\n"));
        Assert.That(model.parameters().Select(p => p.requires_grad), Is.All.True);
    }

    private void Write(params (string Name, Tensor Tensor)[] tensors) => Write("x.safetensors", tensors);

    private void Write(string file, params (string Name, Tensor Tensor)[] tensors) =>
        SafetensorsWriter.Write(folder.Of(file), tensors.ToDictionary(pair => pair.Name, pair => pair.Tensor));
}
