using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>Makes a property the setting of a type that networks compute in.</summary>
/// <param name="help">One line for the user.</param>
public sealed class DtypeAttribute(string help) : SettingAttribute(help)
{
    /// <inheritdoc/>
    protected override SettingKind KindOf(Type type, bool isNullable) =>
        SettingKind.Choice([
            ("bfloat16", ScalarType.BFloat16),
            ("float32", ScalarType.Float32),
            ("bf16", ScalarType.BFloat16),
            ("fp32", ScalarType.Float32),
        ]);
}
