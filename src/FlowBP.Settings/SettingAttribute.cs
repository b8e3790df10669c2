// A setting is declared where its value is used: on the property of a record. Type and initial value of the property are the
// setting's; what the type does not say stands here.

using System.Reflection;
using System.Text.Json;

namespace FlowBP.Settings;

/// <summary>Makes a property of a record a setting. Those that several records have are classes of their own, derived from this.</summary>
/// <param name="help">One line for the user.</param>
/// <param name="min">Smallest value; <see cref="double.Epsilon"/>: above 0.</param>
/// <param name="max">Largest value of a number that is not an integer.</param>
[AttributeUsage(AttributeTargets.Property)]
public class SettingAttribute(string help, double min = double.NegativeInfinity, double max = double.PositiveInfinity)
    : Attribute
{
    /// <summary>The largest factor that a setting can be: what it multiplies stays finite in single precision.</summary>
    public const double LargestFactor = 1e6;

    /// <summary>One line for the user.</summary>
    public string Help { get; } = help;

    /// <summary>Name of the flag and of the key; null: the property's, in <c>snake_case</c>.</summary>
    public string? Name { get; init; }

    /// <summary>Other names that mean the same.</summary>
    public string[] Aliases { get; init; } = [];

    /// <summary>Words and their values in turn, where the type's own names will not do.</summary>
    public object[] Choices { get; init; } = [];

    /// <summary>Whether it may be given several times, each adding to the ones before.</summary>
    public bool Repeats { get; init; }

    /// <summary>Which values the property has.</summary>
    /// <param name="type">The property's type, of a nullable one the type without null.</param>
    /// <param name="isNullable">Whether null is a value; it is typed as <c>none</c>.</param>
    protected virtual SettingKind KindOf(Type type, bool isNullable) =>
        isNullable ? KindOf(type, false).OrNone()
        : Choices.Length > 0 ? SettingKind.Choice([.. Choices.Chunk(2).Select(pair => ((string)pair[0], pair[1]))])
        : type == typeof(bool) ? SettingKind.Flag
        : type == typeof(int) ? SettingKind.Integer((int)min)
        : type == typeof(long) ? SettingKind.Integer((long)min)
        : type == typeof(double) ? SettingKind.Number(min, max)
        : type.IsEnum ? SettingKind.NameOf(type)
        : type == typeof(string) ? SettingKind.Text
        : SettingKind.List;

    /// <summary>The setting that a property is.</summary>
    /// <param name="property">The property.</param>
    /// <param name="value">Its initial value.</param>
    protected internal virtual Setting Of(PropertyInfo property, object? value)
    {
        var isNullable = new NullabilityInfoContext().Create(property).ReadState == NullabilityState.Nullable;
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        return new(NameOf(property), KindOf(type, isNullable))
        {
            Aliases = Aliases,
            Help = Help,
            Default = value,
            Repeats = Repeats,
        };
    }

    /// <summary>The setting's name.</summary>
    /// <param name="property">The property.</param>
    protected string NameOf(PropertyInfo property) =>
        Name ?? JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);
}

/// <summary>Marks a property of a record whose value is a record with settings; they stand in its place.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SettingsAttribute : Attribute;
